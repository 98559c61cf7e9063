"""What is known cell by cell: one row for each, tested or not."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence.cells import Cell
from ipfs_accelerate_py.hardware.backend import Backend
from ipfs_accelerate_py.registry.verdicts import Outlook, Verdict

CATALOGUE: Final = Path("generated", "ipfs_accelerate_skills", "catalogue.json")
UNSURVEYED: Final = Path("model_specs", "unsurveyed.toml")
SURVEYED: Final = Path("model_specs", "surveyed")
BACKENDS: Final = tuple(str(backend) for backend in Backend)
UNTESTED: Final = "not tested yet"
NO_MODULE: Final = "there is no module, as nobody wrote a template for any task of the type yet"

# Where environments disagree: a machine that lacks a device says nothing against one that has it.
_TELLING: Final = {Outlook.WORKS: 1, Outlook.BROKEN: 1, Outlook.UNKNOWN: 0, Outlook.UNSUPPORTED: 0}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is known about one cell; `verdict` is None where it was never tested."""

    cell: Cell
    verdict: Verdict | None
    untested: str = UNTESTED
    """Why there is no verdict."""
    arrays: str = ""
    """Why its task is given arrays: what a processor would make of a text, a picture or a sound is not proved."""

    @property
    def outlook(self) -> Outlook:
        """What can be said."""
        return self.verdict.outlook if self.verdict else Outlook.UNKNOWN

    @property
    def reason(self) -> str:
        """Why."""
        return self.verdict.reason if self.verdict else self.untested

    @property
    def processor(self) -> str:
        """What the verdict leaves out: "" where all from the input that a user has to the answer is meant."""
        return f"processor not proved: {self.arrays}" if self.arrays else ""

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain JSON values."""
        beside = {"processor": self.processor} if self.arrays else {}
        if self.verdict is not None:
            return {**self.verdict.to_json(), **beside}
        cell = self.cell
        known = {"model_type": cell.model_type, "task": cell.task, "backend": cell.backend}
        told = {"precision": cell.precision, "verdict": str(self.outlook), "reason": self.reason}
        return {**known, **told, **beside}


@dataclass(frozen=True)
class Offered:
    """What the generated modules of a workspace say of themselves.

    `cells` are those that they offer or leave out. A task that transformers has a class for, and that no module offers,
    has a cell on the CPU; `reasons` say why it is not offered. `generating` are the pairs of type and task whose answer
    is written token by token, and `rereading` those of them that keep nothing of what they have read. `carried` says
    what each task of a type is asked about, of the types that take more than one of text, images, films and sounds.
    `arrays` says of the pairs that are given arrays why they are.
    """

    cells: tuple[Cell, ...] = ()
    reasons: Mapping[Cell, str] = field(default_factory=dict)
    generating: frozenset[tuple[str, str]] = frozenset()
    rereading: frozenset[tuple[str, str]] = frozenset()
    carried: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    arrays: Mapping[tuple[str, str], str] = field(default_factory=dict)


def offered(root: Path) -> Offered:
    """Return what the workspace's catalogue, its specs without a module and its list of unsurveyed types say.

    Raises:
        WorkspaceError: one of the files is damaged.
    """
    made, absent = _catalogue(root / CATALOGUE), _unsurveyed(root / UNSURVEYED)
    known = {cell.model_type for cell in (*made.cells, *absent)}
    absent |= {cell: why for cell, why in _moduleless(root).items() if cell.model_type not in known}
    reasons = {**made.reasons, **absent}
    return replace(made, cells=(*made.cells, *absent), reasons=reasons)


def _catalogue(path: Path) -> Offered:
    cells: dict[Cell, None] = {}
    reasons: dict[Cell, str] = {}
    generating: set[tuple[str, str]] = set()
    rereading: set[tuple[str, str]] = set()
    carried: dict[str, dict[str, frozenset[str]]] = {}
    arrays: dict[tuple[str, str], str] = {}
    try:
        for model_type, entry in json.loads(path.read_bytes()).items():
            for task in entry["tasks"]:
                for backend in (*entry["backends"][task], *entry["left_out"].get(task, ())):
                    cells[Cell(model_type, task, backend)] = None
            generating.update((model_type, task) for task in entry["generates"])
            rereading.update((model_type, task) for task in entry.get("rereads", ()))
            if "carries" in entry:
                carried[model_type] = {task: frozenset(each) for task, each in entry["carries"].items()}
            arrays |= {(model_type, task): str(why) for task, why in entry.get("arrays", {}).items()}
            for task, reason in entry["not_offered"].items():
                reasons[Cell(model_type, task, "cpu")] = reason
    except FileNotFoundError:
        return Offered()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        fix = "`ipfs-accelerate generate` writes it anew"
        raise WorkspaceError(f"{path}: cannot be read as a catalogue ({error}); {fix}") from error
    return Offered((*cells, *reasons), reasons, frozenset(generating), frozenset(rereading), carried, arrays)


def _moduleless(root: Path) -> dict[Cell, str]:
    """Return a cell for each task of the specs beside which there is no module, and why."""
    found: dict[Cell, str] = {}
    for path in sorted((root / SURVEYED).glob("*.toml")):
        if (root / CATALOGUE).with_name(f"hf_{path.stem}.py").exists():
            continue
        try:
            said = tomllib.loads(path.read_text(encoding="utf-8"))
            tasks = [each["task"] for each in (*said["heads"], *said.get("unproved", ()))]
            found |= {Cell(str(said["model_type"]), task, "cpu"): NO_MODULE for task in tasks}
        except (OSError, ValueError, KeyError, TypeError) as error:
            fix = "`ipfs-accelerate survey` writes it anew"
            raise WorkspaceError(f"{path}: cannot be read ({error}); {fix}") from error
    return found


def _unsurveyed(path: Path) -> dict[Cell, str]:
    """Return a cell for each task of the types that could not be surveyed, and why."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        return {
            Cell(model_type, task, "cpu"): str(entry["reason"])
            for model_type, entry in said.items()
            for task in entry["tasks"]
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = "`ipfs-accelerate survey` writes it anew"
        raise WorkspaceError(f"{path}: cannot be read ({error}); {fix}") from error


def rows(verdicts: Iterable[Verdict], known: Offered | None = None) -> tuple[Row, ...]:
    """Return one row per cell, in the order of backends: its most telling, then newest verdict, or none."""
    known = known or Offered()
    best: dict[Cell, Verdict] = {}
    for verdict in verdicts:
        before = best.get(verdict.cell)
        if before is None or _rank(before) < _rank(verdict):
            best[verdict.cell] = verdict
    return tuple(
        Row(
            cell=cell,
            verdict=best.get(cell),
            untested=known.reasons.get(cell, UNTESTED),
            arrays=known.arrays.get((cell.model_type, cell.task), ""),
        )
        for cell in sorted({*best, *known.cells}, key=_place)
    )


def words(row: Row) -> tuple[str, ...]:
    """Return the cells of the row's line in a table."""
    cell, verdict = row.cell, row.verdict
    backend = cell.backend if cell.precision == "float32" else f"{cell.backend} ({cell.precision})"
    outlook = f"{row.outlook} (simulated)" if verdict and verdict.simulated else str(row.outlook)
    difference = "" if verdict is None or verdict.difference is None else f"{verdict.difference:.1e}"
    reason = row.processor if row.outlook is Outlook.WORKS else row.reason
    route = (verdict.route if verdict else None) or ""
    return (cell.model_type, cell.task, backend, outlook, difference, route, reason)


def _place(cell: Cell) -> tuple[str, str, int, str, str]:
    order = BACKENDS.index(cell.backend) if cell.backend in BACKENDS else len(BACKENDS)
    return (cell.model_type, cell.task, order, cell.backend, cell.precision)


def _rank(verdict: Verdict) -> tuple[int, object, str]:
    return (_TELLING[verdict.outlook], verdict.seen, verdict.environment)
