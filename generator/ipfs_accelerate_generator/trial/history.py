"""What earlier runs have shown of the texts as they are now: it is not shown again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ipfs_accelerate_generator.trial.options import MEMORY_LIMIT, TIME_LIMIT, Options, Trial
from ipfs_accelerate_py.evidence import lines
from ipfs_accelerate_py.evidence.cells import Cell
from ipfs_accelerate_py.evidence.observation import Collected, Observation, Started
from ipfs_accelerate_py.evidence.outcomes import key_of
from ipfs_accelerate_py.evidence.selection import Key, key


@dataclass
class History:
    """Observations by the identity of the test that made them, for one environment."""

    environment: str
    seen: dict[str, dict[Key, Observation]] = field(default_factory=dict)  # by model type and test
    files: dict[tuple[str, str], Collected] = field(default_factory=dict)  # by digests of suite and module
    expected: set[str] = field(default_factory=set)  # ids of observations whose failure a finding announced
    torn: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, observations: Path, environment: str) -> History:
        """Return what the runs under `observations` have shown in `environment`.

        Raises:
            EvidenceError: a file there holds a line that is not evidence.
        """
        found = cls(environment)
        text = lines.read_folder(observations)
        found.torn += text.torn
        for collected in text.collected:
            found.files[collected.test, collected.source] = collected
        began = {started.id: started for started in text.started}
        for observation in text.observations:
            if observation.id in began:
                found.add(began[observation.id], observation)
        return found

    def add(self, started: Started, observation: Observation) -> None:
        """Keep an observation; of two of the same test the later one."""
        if started.environment != self.environment:
            return
        if started.expected:
            self.expected.add(observation.id)
        of_type = self.seen.setdefault(started.model_type, {})
        earlier = of_type.get(key_of(started))
        if earlier is None or earlier.started <= observation.started:
            of_type[key_of(started)] = observation

    def done(self, trial: Trial, options: Options) -> dict[Key, Observation]:
        """Return what need not be tried again within the limits of `options`.

        A test that ran out of time or memory is tried again when it may now have more.
        """
        if options.fresh:
            return {}
        of_type = self.seen.get(trial.model_type, {})
        return {name: one for name, one in of_type.items() if not _has_more(one, options)}

    def tests(self, trial: Trial) -> Collected | None:
        """Return the tests that the trial's file holds; None if nobody has looked since it changed."""
        return self.files.get((trial.suite_digest, trial.source_digest))


def wanted(trial: Trial, collected: Collected, options: Options) -> list[Key]:
    """Return those of the collected tests that `options` ask for."""
    return [
        key(cell, name=name, slice_digest=trial.slice(cell), suite_digest=trial.suite_digest)
        for name, cell in _cells(collected)
        if (not options.tasks or cell.task in options.tasks)
        and (not options.backends or cell.backend in options.backends)
    ]


def _cells(collected: Collected) -> Iterable[tuple[str, Cell]]:
    for name, task, backend, precision in collected.tests:
        yield name, Cell(collected.model_type, task, backend, precision)


def _has_more(observation: Observation, options: Options) -> bool:
    if observation.failure == TIME_LIMIT:
        return options.timeout_s > observation.seconds
    if observation.failure == MEMORY_LIMIT and observation.peak_mb is not None:
        return options.limit_mb is None or options.limit_mb > observation.peak_mb
    return False
