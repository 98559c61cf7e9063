"""A trial on its way: what is wanted of it, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ipfs_accelerate_generator.trial.options import Trial
from ipfs_accelerate_py.evidence.cells import ANY, Cell
from ipfs_accelerate_py.evidence.environment import environment
from ipfs_accelerate_py.evidence.observation import Observation, Started
from ipfs_accelerate_py.evidence.selection import Key

DRIVER: Final = "driver"  # the worker that writes down the ends of the others


@dataclass
class Task:
    """A trial, and how far it has come."""

    trial: Trial
    name: str
    done: dict[Key, Observation]  # by earlier runs
    chosen: list[Key] | None = None  # the tests of the file that are wanted; None until they are known
    finished: set[Key] = field(default_factory=set)  # in this run
    fruitless: int = 0

    @property
    def left(self) -> list[Key]:
        """Return the tests that are still to be run."""
        return [key for key in self.chosen or () if key not in self.done and key not in self.finished]

    def about(self, what: str, *, run: str) -> Started:
        """Return a line for what happened in `run` outside all tests."""
        place = Cell(self.trial.model_type, ANY, ANY)
        return Started(
            run=run,
            worker=DRIVER,
            model_type=place.model_type,
            task=place.task,
            backend=place.backend,
            precision=place.precision,
            property=what,
            slice=self.trial.slice(place),
            environment=environment().digest,
            test=self.trial.suite_digest,
            node=self.trial.suite.name,
        )
