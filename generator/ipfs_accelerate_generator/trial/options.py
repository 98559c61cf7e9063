"""How trials are run: how many at once, for how long, with how much memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from ipfs_accelerate_generator.trial.processes import machine_mb
from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.evidence.observation import Observation
from ipfs_accelerate_py.evidence.plugin import new_run
from ipfs_accelerate_py.evidence.subject import Subject

TIMEOUT_S: Final = 600.0  # for one test; the slowest export that was seen took 39 s for 110 M weights
MEMORY_SHARE: Final = 0.8  # of the machine, for all trials together: the rest is for everybody else

TIME_LIMIT: Final = "TimeLimit"  # the failures that another limit could have spared a test
MEMORY_LIMIT: Final = "MemoryLimit"

Trial = Subject  # a module, its tests, and the model type that both are about


@dataclass(frozen=True)
class Options:
    """What a run of trials may take, and what of it is wanted."""

    observations: Path  # the folder of all runs; earlier ones in it are not repeated
    run: str = field(default_factory=new_run)
    jobs: int = 1
    tasks: tuple[str, ...] = ()  # none: all
    backends: tuple[str, ...] = ()
    timeout_s: float = TIMEOUT_S  # without news from a child
    memory_mb: float | None = None  # for one child with all that it starts; None: a share of the machine
    fresh: bool = False  # run again what was already seen of the same text in the same environment

    def __post_init__(self) -> None:
        for name, value in (("jobs", self.jobs), ("timeout", self.timeout_s), ("memory", self.memory_mb)):
            if value is not None and not value > 0:
                raise InputError(f"{name} must be more than 0, not {value}")

    @property
    def folder(self) -> Path:
        """Return the folder of this run."""
        return self.observations / self.run

    @property
    def limit_mb(self) -> float | None:
        """Return the memory that one child may hold; None where the system does not say what there is."""
        if self.memory_mb is not None:
            return self.memory_mb
        there_is = machine_mb()
        return None if there_is is None else there_is * MEMORY_SHARE / self.jobs


class Watcher(Protocol):
    """Somebody who wants to see a run proceed."""

    def planned(self, trial: Trial, wanted: int, done: int) -> None:
        """Learn that `wanted` tests of a trial were chosen, of which `done` were seen in an earlier run."""

    def observed(self, observation: Observation) -> None:
        """Learn what a test has shown."""


class Nobody:
    """A watcher who does not look."""

    def planned(self, trial: Trial, wanted: int, done: int) -> None:
        """Take no notice."""

    def observed(self, observation: Observation) -> None:
        """Take no notice."""
