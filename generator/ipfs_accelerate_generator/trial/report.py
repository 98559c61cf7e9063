"""What a run of trials has shown, counted per model type and backend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ipfs_accelerate_py.evidence.cells import ANY
from ipfs_accelerate_py.evidence.observation import Observation
from ipfs_accelerate_py.hardware.backend import Backend

EXPECTED: Final = "expected failure"
MENDED: Final = "mended"  # a finding says that it fails, and it passed: `adopt` takes the finding back
WORDS: Final = {"passed": "ok", "timed_out": "timed out", "out_of_memory": "out of memory"}

_ORDER: Final = ("failed", "crashed", "timed out", "out of memory", MENDED, EXPECTED, "ok", "skipped")
_COLUMNS: Final = (*(backend.value for backend in Backend), ANY)
_FINE: Final = frozenset({"ok", "skipped", EXPECTED})


@dataclass(frozen=True)
class TrialReport:
    """The observations of a run, those of earlier runs that still hold, and what stood in the way."""

    run: str
    folder: Path
    observations: tuple[Observation, ...]  # of this run
    reused: tuple[Observation, ...]  # of earlier runs, of the same texts in the same environment
    expected: frozenset[str]  # ids of observations that a finding announced as failures
    torn: tuple[str, ...]  # "file:line" of lines that are not whole
    problems: tuple[str, ...]  # why some tests were not run

    @property
    def everything(self) -> tuple[Observation, ...]:
        """Return the observations of this run and of earlier ones."""
        return (*self.reused, *self.observations)

    @property
    def ok(self) -> bool:
        """Whether all tests were run, and none did what it should not."""
        return not self.problems and all(self.word(one) in _FINE for one in self.everything)

    def word(self, observation: Observation) -> str:
        """Return the outcome in a word or two, as tables show it."""
        if observation.id in self.expected and observation.outcome in {"passed", "failed"}:
            return MENDED if observation.outcome == "passed" else EXPECTED
        return WORDS.get(observation.outcome, observation.outcome)

    def counts(self) -> dict[str, dict[str, Counter[str]]]:
        """Return how often each outcome was seen, by model type and backend."""
        found: dict[str, dict[str, Counter[str]]] = {}
        for one in sorted(self.everything, key=lambda one: one.model_type):
            found.setdefault(one.model_type, {}).setdefault(one.backend, Counter())[self.word(one)] += 1
        return found

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return the columns (backends that were tested) and one row of counts for each model type."""
        counts = self.counts()
        named = {backend for backends in counts.values() for backend in backends}
        backends = [name for name in _COLUMNS if name in named] + sorted(named - set(_COLUMNS))
        rows = [[name, *(_cell(of.get(backend)) for backend in backends)] for name, of in counts.items()]
        return ["model type", *("whole module" if name == ANY else name for name in backends)], rows

    def bad(self) -> list[Observation]:
        """Return the observations that should not be."""
        return [one for one in self.everything if self.word(one) not in _FINE]

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "run": self.run,
            "folder": str(self.folder),
            "ok": self.ok,
            "tests": len(self.observations),
            "reused": len(self.reused),
            "model_types": {
                name: {backend: dict(_ordered(count)) for backend, count in backends.items()}
                for name, backends in self.counts().items()
            },
            "bad": [asdict(one) for one in self.bad()],
            "torn": list(self.torn),
            "problems": list(self.problems),
        }


def _ordered(count: Counter[str]) -> Iterable[tuple[str, int]]:
    return ((word, count[word]) for word in _ORDER if count[word])


def _cell(count: Counter[str] | None) -> str:
    return ", ".join(f"{number} {word}" for word, number in _ordered(count)) if count else ""
