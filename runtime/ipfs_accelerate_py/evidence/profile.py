"""This machine's own measurements: speed, memory, crashes and failures; they order the choice here, nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from ipfs_accelerate_py import files, locations
from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence.cells import ANY, Cell

if TYPE_CHECKING:
    from ipfs_accelerate_py.evidence.observation import Observation

SPEED = "test_speed"  # the property whose seconds are those of one call of a loaded model
SAMPLES = 7  # newest ones that a median is taken of; with more, the file would be slow to read at every start

_VERSION = 1
_FATAL = ("crashed", "timed_out", "out_of_memory")
_FAILED = "failed"
_BAD = (*_FATAL, _FAILED)


@dataclass(frozen=True)
class Measurement:
    """What was measured of one cell in one environment."""

    seconds: float | None  # median of one call; None if no call was timed
    peak_mb: float | None  # the most that a process held while it tested the cell, and whatever it did before
    crashes: tuple[str, ...]  # properties whose last test ended the process or ran out of time or memory
    failures: tuple[str, ...] = ()  # properties that did not hold for the text that was tested last


@dataclass(frozen=True)
class Standing:
    """How the backends of one task stand in one environment."""

    ranked: tuple[str, ...]  # timed, and nothing speaks against them; fastest first
    failed: tuple[str, ...]  # a test of the text that was tested last did not hold


def remember(observations: Iterable[Observation], *, path: Path | None = None) -> None:
    """Add what `observations` say about speed, memory and crashes; a second time they change nothing.

    Raises:
        WorkspaceError: the file cannot be written, or another process holds it.
    """
    chosen = path or locations.profile_file()
    ordered = sorted(observations, key=lambda one: one.started)
    about = [one for one in ordered if ANY not in {one.task, one.backend} and not one.simulated]
    if not about:
        return
    with files.lock(chosen.with_name(f"{chosen.name}.lock")):
        data = _read(chosen)
        for one in about:
            _add(_entry(data["environments"].setdefault(one.environment, {}), one.cell()), one)
        files.write_if_changed(chosen, json.dumps(data, separators=(",", ":")) + "\n")


def measurements(*, environment: str | None = None, path: Path | None = None) -> dict[Cell, Measurement]:
    """Return all that was measured in one environment (this one, if no digest is given)."""
    found = {}
    for model_type, tasks in _environment(environment, path).items():
        for task, backends in tasks.items():
            for backend, precisions in backends.items():
                for precision, entry in precisions.items():
                    found[Cell(model_type, task, backend, precision)] = _measurement(entry)
    return found


def ranking(
    model_type: str,
    task: str,
    *,
    precision: str = "float32",
    environment: str | None = None,
    path: Path | None = None,
) -> list[str]:
    """Return the backends that were timed for a task in one environment (this one), fastest first.

    A backend on which a test of that task last crashed, hung, ran out of memory or failed is left out.
    """
    return list(standing(model_type, task, precision=precision, environment=environment, path=path).ranked)


def standing(
    model_type: str,
    task: str,
    *,
    precision: str = "float32",
    environment: str | None = None,
    path: Path | None = None,
) -> Standing:
    """Return how the backends of a task stand in one environment (this one)."""
    backends = _environment(environment, path).get(model_type, {}).get(task, {})
    found = {
        name: _measurement(entries[precision]) for name, entries in backends.items() if precision in entries
    }
    failed = tuple(name for name, one in found.items() if one.failures)
    timed = {
        name: one.seconds
        for name, one in found.items()
        if one.seconds is not None and not one.crashes and name not in failed
    }
    return Standing(tuple(sorted(timed, key=lambda name: (timed[name], name))), failed)


def _environment(digest: str | None, path: Path | None) -> Mapping[str, Any]:
    chosen = path or locations.profile_file()
    if not chosen.exists():  # asked first: the digest of this environment takes 20 ms
        return {}
    if digest is None:
        from ipfs_accelerate_py.evidence.environment import environment

        digest = environment().digest
    found: Mapping[str, Any] = _read(chosen)["environments"].get(digest, {})
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {"version": _VERSION, "environments": {}}
    except (OSError, ValueError) as error:
        fix = "delete it: `ipfs-accelerate test --all --fresh` measures again"
        raise WorkspaceError(f"{path}: cannot be read as JSON: {error}; {fix}") from error
    if not isinstance(data, dict) or data.get("version") != _VERSION:
        raise WorkspaceError(f"{path}: is of another version than {_VERSION}; delete it, and test again")
    return data


def _entry(environment: dict[str, Any], cell: Cell) -> dict[str, Any]:
    place = environment
    for name in (cell.model_type, cell.task, cell.backend):
        place = place.setdefault(name, {})
    found: dict[str, Any] = place.setdefault(cell.precision, {"seconds": {}, "peak_mb": None, "ended": {}})
    return found


def _add(entry: dict[str, Any], one: Observation) -> None:
    if one.peak_mb is not None:
        entry["peak_mb"] = max(entry["peak_mb"] or 0.0, one.peak_mb)
    if one.property.partition("[")[0] == SPEED and one.outcome == "passed":
        samples = {**entry["seconds"], f"{one.started} {one.id[:8]}": float(f"{one.seconds:.4g}")}
        entry["seconds"] = {name: samples[name] for name in sorted(samples)[-SAMPLES:]}
    entry["text"] = max(entry.get("text", ["", ""]), [one.started, one.slice])
    if one.kind == "control":  # one that fails proves nothing, either way
        return
    ended = entry["ended"]
    is_news = one.started > ended.get(one.property, [""])[0]
    if is_news and (one.outcome in _BAD or one.property in ended):
        ended[one.property] = [one.started, one.outcome, one.slice]


def _measurement(entry: Mapping[str, Any]) -> Measurement:
    samples = list(entry["seconds"].values())
    ended: Mapping[str, list[str]] = entry["ended"]  # an older profile has neither slices nor a text
    crashes = sorted(name for name, (_, outcome, *_) in ended.items() if outcome in _FATAL)
    text = entry.get("text", ["", ""])[1]
    failures = sorted(name for name, (_, *seen) in ended.items() if seen == [_FAILED, text])
    return Measurement(
        median(samples) if samples else None, entry["peak_mb"], tuple(crashes), tuple(failures)
    )
