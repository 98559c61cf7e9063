"""Coverage beside what it was at an earlier time, or with another version of transformers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.registry.coverage.rows import Row

ABSENT = "absent"


@dataclass(frozen=True)
class Change:
    """A cell whose verdict is another one now; "absent" stands where it was or is not known."""

    model_type: str
    task: str
    backend: str
    before: str
    after: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """Return it as plain JSON values."""
        return asdict(self)


def earlier(path: Path) -> Sequence[Mapping[str, Any]]:
    """Return the verdicts in a file that `ipfs-accelerate coverage --json` printed.

    Raises:
        WorkspaceError: the file cannot be read, or is something else.
    """
    try:
        found = json.loads(path.read_bytes())["verdicts"]
        if all(isinstance(each["verdict"], str) and str(each["model_type"]) for each in found):
            return list(found)
        raise ValueError("a verdict without a model type")
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = "give a file with what `ipfs-accelerate coverage --json` printed"
        raise WorkspaceError(f"{path}: is no earlier coverage ({error}); {fix}") from error


def changes(before: Iterable[Mapping[str, Any]], now: Iterable[Row]) -> tuple[Change, ...]:
    """Return the cells of `now` and `before` that differ, in the order of `now`; those that are gone come last."""
    old = {_place(each): each for each in before}
    found = []
    for row in now:
        told = row.to_json()
        was = old.pop(_place(told), None)
        outlook = ABSENT if was is None else str(was["verdict"])
        if outlook != row.outlook:
            cell = row.cell
            found.append(
                Change(cell.model_type, cell.task, cell.backend, outlook, str(row.outlook), row.reason)
            )
    gone = (
        Change(model_type, task, backend, str(each["verdict"]), ABSENT, "")
        for (model_type, task, backend, _), each in old.items()
    )
    return (*found, *gone)


def _place(told: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return told["model_type"], told["task"], told["backend"], told.get("precision", "float32")
