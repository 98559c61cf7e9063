"""The workbench of generated tests of a skill that is given arrays for some tasks, and something else for others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ipfs_accelerate_py.evidence.given import ArrayCase, ArrayLab, counting
from ipfs_accelerate_py.evidence.lab import Bench, Case, Lab, Write
from ipfs_accelerate_py.evidence.tiny import VOCABULARY, saved
from ipfs_accelerate_py.evidence.writing import NEW, PLACES
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.skill import Skill

FEW: Final[Mapping[str, Any]] = {"max_new_tokens": NEW}
"""The options of what is written: a name of its own, as tests of other tasks count their tokens, too."""


class MixedLab(Lab):
    """Benches and handlers of one skill; a task whose case says what arrays it takes has a bench of arrays."""

    def __init__(self, skill: Skill, cases: Mapping[str, Case], write: Write, folder: Path) -> None:
        super().__init__(skill, cases, write, folder)
        self._arrays = ArrayLab(skill, cases, write, folder)

    def bench(self, task: str) -> Bench:
        """Return what `task` is tested on."""
        if isinstance(self._cases[task], ArrayCase):
            return self._arrays.bench(task)
        return super().bench(task)


def given_config(tiny: Mapping[str, Any], case: Case, *, vocabulary: str, places: str = "") -> dict[str, Any]:
    """Return the fields of a configuration that takes every id that is drawn, and has places for what is written."""
    return {**counting(counting(tiny, vocabulary, VOCABULARY), places, PLACES), **case.config}


def given_checkpoint(folder: Path, case: Case, gain: float, config: Any) -> Checkpoint:
    """Return a small random checkpoint for `case` that has no processor, as none makes its arrays."""
    return saved(folder, lambda: case.build(config), [], gain=gain)
