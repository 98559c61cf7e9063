"""How much is proved: one row per cell that is known, tested or not, and what they add up to."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence.cells import Cell
from ipfs_accelerate_py.hardware.backend import EXPORTED, Backend
from ipfs_accelerate_py.registry.verdicts import Outlook, Verdict

CATALOGUE: Final = Path("generated", "ipfs_accelerate_skills", "catalogue.json")
OVERRIDES: Final = Path("model_specs", "overrides")
BACKENDS: Final = tuple(str(backend) for backend in Backend)
UNTESTED: Final = "not tested yet"

# Where environments disagree: a machine that lacks a device says nothing against one that has it.
_TELLING: Final = {Outlook.WORKS: 1, Outlook.BROKEN: 1, Outlook.UNKNOWN: 0, Outlook.UNSUPPORTED: 0}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is known about one cell; `verdict` is None where it was never tested."""

    cell: Cell
    verdict: Verdict | None

    @property
    def outlook(self) -> Outlook:
        """What can be said."""
        return self.verdict.outlook if self.verdict else Outlook.UNKNOWN

    @property
    def reason(self) -> str:
        """Why."""
        return self.verdict.reason if self.verdict else UNTESTED

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain JSON values."""
        if self.verdict is not None:
            return self.verdict.to_json()
        cell = self.cell
        known = {"model_type": cell.model_type, "task": cell.task, "backend": cell.backend}
        return {**known, "precision": cell.precision, "verdict": str(self.outlook), "reason": self.reason}


def offered(root: Path) -> tuple[Cell, ...]:
    """Return the cells that the workspace's generated modules offer or leave out; none without a catalogue.

    Raises:
        WorkspaceError: the catalogue is damaged.
    """
    path = root / CATALOGUE
    try:
        entries = json.loads(path.read_bytes())
        return tuple(
            Cell(model_type, task, backend)
            for model_type, entry in entries.items()
            for task in entry["tasks"]
            for backend in dict.fromkeys([*entry["backends"][task], *entry["left_out"].get(task, ())])
        )
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        fix = "`ipfs-accelerate generate` writes it anew"
        raise WorkspaceError(f"{path}: cannot be read as a catalogue ({error}); {fix}") from error


def rows(verdicts: Iterable[Verdict], cells: Iterable[Cell] = ()) -> tuple[Row, ...]:
    """Return one row per cell, in the order of backends: its most telling, then newest verdict, or none."""
    best: dict[Cell, Verdict] = {}
    for verdict in verdicts:
        before = best.get(verdict.cell)
        if before is None or _rank(before) < _rank(verdict):
            best[verdict.cell] = verdict
    known = sorted({*best, *cells}, key=_place)
    return tuple(Row(cell=cell, verdict=best.get(cell)) for cell in known)


def totals(found: Collection[Row], *, overrides: int) -> dict[str, int]:
    """Return what the rows add up to: model types and pairs of type and task, and those proved on what."""
    proved = [row.cell for row in found if row.outlook is Outlook.WORKS]
    exported = {str(backend) for backend in EXPORTED}

    def types(backends: Collection[str]) -> int:
        return len({cell.model_type for cell in proved if cell.backend in backends})

    counts = {
        "model_types": len({row.cell.model_type for row in found}),
        "cpu": types({"cpu"}),
        "openvino": types({"openvino"}),
        "onnxruntime": types({"onnxruntime"}),
        "any_exported": types(exported),
        "task_pairs": len({(row.cell.model_type, row.cell.task) for row in found}),
        "task_pairs_cpu": len({(cell.model_type, cell.task) for cell in proved if cell.backend == "cpu"}),
        "overrides": overrides,
    }
    return {**counts, **{str(outlook): sum(row.outlook is outlook for row in found) for outlook in Outlook}}


def overrides(root: Path) -> int:
    """Return how many model types of the workspace have a fact corrected by hand."""
    return len(list((root / OVERRIDES).glob("*.toml")))


def markdown(found: Iterable[Row], counts: Mapping[str, int]) -> str:
    """Return the rows and totals as Markdown."""
    lines = ["| model type | task | backend | verdict | largest difference | route | reason |"]
    lines.append("|---|---|---|---|---|---|---|")
    for row in found:
        lines.append("| " + " | ".join(_escaped(text) for text in words(row)) + " |")
    lines += ["", "| total | |", "|---|---|"]
    lines += [f"| {name.replace('_', ' ')} | {number} |" for name, number in counts.items()]
    return "\n".join(lines) + "\n"


def words(row: Row) -> tuple[str, ...]:
    """Return the cells of the row's line in a table."""
    cell, verdict = row.cell, row.verdict
    backend = cell.backend if cell.precision == "float32" else f"{cell.backend} ({cell.precision})"
    outlook = f"{row.outlook} (simulated)" if verdict and verdict.simulated else str(row.outlook)
    difference = "" if verdict is None or verdict.difference is None else f"{verdict.difference:.1e}"
    reason = "" if row.outlook is Outlook.WORKS else row.reason
    route = (verdict.route if verdict else None) or ""
    return (cell.model_type, cell.task, backend, outlook, difference, route, reason)


def _place(cell: Cell) -> tuple[str, str, int, str, str]:
    order = BACKENDS.index(cell.backend) if cell.backend in BACKENDS else len(BACKENDS)
    return (cell.model_type, cell.task, order, cell.backend, cell.precision)


def _rank(verdict: Verdict) -> tuple[int, object, str]:
    return (_TELLING[verdict.outlook], verdict.seen, verdict.environment)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
