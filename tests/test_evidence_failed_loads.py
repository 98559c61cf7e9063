"""A backend that could not be loaded is not tried again for each of its tests."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ipfs_accelerate_py.errors import BackendError
from ipfs_accelerate_py.evidence.lab import Lab
from ipfs_accelerate_py.skills.skill import Skill


class _OnAnyCheckpoint(Lab):
    def bench(self, task: str) -> Any:
        return SimpleNamespace(checkpoint=None)


def test_the_second_test_hears_of_the_same_failure_at_once(tmp_path: Path) -> None:
    tries = []

    def refusing(*_: Any) -> Any:
        tries.append(1)
        raise BackendError("no way to export agrees with PyTorch")

    heads: Any = {"fill-mask": None}
    skill = Skill("refused", "embedding", heads=heads, loaders={"cpu": refusing})
    lab = _OnAnyCheckpoint(skill, {}, lambda *_: None, tmp_path)  # type: ignore[arg-type,return-value]  # nothing is written
    for _ in range(3):
        with pytest.raises(BackendError, match="no way to export"):
            lab.handler("fill-mask", "cpu")
    assert len(tries) == 1
