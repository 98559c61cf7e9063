"""What the results say: one verdict per cell, text and environment, with its reason."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.evidence.cells import Cell
from ipfs_accelerate_py.evidence.environment import Environment
from ipfs_accelerate_py.registry import results, store

# An empty list asks for all.
_VERDICTS = """
SELECT
    model_type, task, backend, precision, slice, environment, verdict, reason, portable, difference,
    tolerance, control, route, simulated, tests, seconds, peak_mb, evidence, run, seen
FROM verdict
WHERE (latest OR NOT $latest)
    AND (task = '*' OR backend = '*') = $modules
    AND (len($model_types::VARCHAR[]) = 0 OR model_type IN $model_types::VARCHAR[])
    AND (len($runs::VARCHAR[]) = 0 OR run IN $runs::VARCHAR[])
    AND (len($environments::VARCHAR[]) = 0 OR environment IN $environments::VARCHAR[])
ORDER BY model_type, task, backend, precision, environment, seen, slice
"""
_MODEL_TYPES = "SELECT DISTINCT model_type FROM observation ORDER BY model_type"
_ENVIRONMENTS = "SELECT digest, facts FROM environment ORDER BY digest"


class Outlook(StrEnum):
    """What can be said about a cell."""

    WORKS = "works"
    BROKEN = "broken"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the tests of one text in one environment have shown about one cell."""

    cell: Cell
    slice: str
    environment: str
    outlook: Outlook
    reason: str
    portable: bool
    """Whether a break says something about the text, not about this machine at that moment."""
    difference: float | None
    tolerance: float
    control: float | None
    route: str | None
    simulated: bool
    tests: int
    seconds: float | None
    peak_mb: float | None
    evidence: str
    """Digest of what was seen: the same for the same outcomes, whenever and however often they were seen."""
    run: str
    seen: datetime

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as plain JSON values."""
        return {
            "model_type": self.cell.model_type,
            "task": self.cell.task,
            "backend": self.cell.backend,
            "precision": self.cell.precision,
            "verdict": str(self.outlook),
            "reason": self.reason,
            "difference": self.difference,
            "tolerance": self.tolerance,
            "control": self.control,
            "route": self.route,
            "simulated": self.simulated,
            "portable": self.portable,
            "tests": self.tests,
            "slice": self.slice,
            "environment": self.environment,
            "evidence": self.evidence,
            "run": self.run,
            "seen": self.seen.isoformat(timespec="milliseconds") + "Z",
        }


def verdicts(
    database: Path,
    *,
    model_types: Collection[str] = (),
    runs: Collection[str] = (),
    environments: Collection[str] = (),
    latest: bool = True,
    modules: bool = False,
    wait_s: float = store.WAIT_S,
) -> tuple[Verdict, ...]:
    """Return the verdicts in `database`, sorted by cell; an empty choice means all.

    With `latest`, those on the text that was tested last in each environment; else those on every text. With
    `modules`, those on tests that concern a module and no cell of it: whether it can be imported, for one.

    Raises:
        WorkspaceError: there is no such database, or it cannot be read.
    """
    chosen = {
        "model_types": list(model_types),
        "runs": list(runs),
        "environments": list(environments),
        "latest": latest,
        "modules": modules,
    }
    with results.connect(database, read_only=True, wait_s=wait_s) as connection:
        answer = connection.execute(_VERDICTS, chosen)
        names = [column[0] for column in answer.description]
        rows = answer.fetchall()
    return tuple(_verdict(dict(zip(names, row, strict=True))) for row in rows)


def model_types(database: Path, *, wait_s: float = store.WAIT_S) -> tuple[str, ...]:
    """Return the model types that `database` has observations of, sorted.

    Raises:
        WorkspaceError: there is no such database, or it cannot be read.
    """
    with results.connect(database, read_only=True, wait_s=wait_s) as connection:
        return tuple(name for (name,) in connection.execute(_MODEL_TYPES).fetchall())


def environments(database: Path, *, wait_s: float = store.WAIT_S) -> dict[str, Environment]:
    """Return the environments that `database` knows, by digest.

    Raises:
        WorkspaceError: there is no such database, or it cannot be read.
    """
    with results.connect(database, read_only=True, wait_s=wait_s) as connection:
        rows = connection.execute(_ENVIRONMENTS).fetchall()
    return {digest: Environment.from_json(json.loads(facts)) for digest, facts in rows}


def _verdict(row: dict[str, Any]) -> Verdict:
    cell = Cell(row.pop("model_type"), row.pop("task"), row.pop("backend"), row.pop("precision"))
    return Verdict(cell=cell, outlook=Outlook(row.pop("verdict")), **row)
