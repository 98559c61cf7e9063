"""Which tests of one file a process shall run: written by the test driver, read by the plugin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ipfs_accelerate_py.evidence.cells import Cell

# What makes two runs of a test the same, in one environment: its property and cell, and the digests of the
# text under test and of the test itself.
Key = tuple[str, str, str, str, str, str]  # property, task, backend, precision, slice, test


def key(cell: Cell, *, name: str, slice_digest: str, suite_digest: str) -> Key:
    """Return the identity of the test of the property `name` on `cell`."""
    return (name, cell.task, cell.backend, cell.precision, slice_digest, suite_digest)


@dataclass(frozen=True)
class Selection:
    """The tests of one module that are wanted and not yet done."""

    model_type: str
    module: str  # path of the file under test
    driver: int  # process that reads the results; when it ends, the tests end
    tasks: tuple[str, ...] = ()  # none: all
    backends: tuple[str, ...] = ()
    finished: frozenset[Key] = frozenset()

    def wants(self, task: str, backend: str) -> bool:
        """Whether the user asked for this task and backend."""
        return (not self.tasks or task in self.tasks) and (not self.backends or backend in self.backends)

    def to_json(self) -> str:
        """Return the selection as JSON text, the same for the same selection."""
        return json.dumps({**asdict(self), "finished": sorted(self.finished)})

    @classmethod
    def from_json(cls, text: str) -> Selection:
        """Return the selection that `to_json` wrote."""
        data: Mapping[str, Any] = json.loads(text)
        lists = {"tasks": tuple(data["tasks"]), "backends": tuple(data["backends"])}
        return cls(**{**data, **lists, "finished": frozenset(tuple(entry) for entry in data["finished"])})
