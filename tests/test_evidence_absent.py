"""A test whose class needs a library that is not here is skipped, and says which; any other failure stays one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers.utils import requires_backends

from ipfs_accelerate_py.evidence.lab import Lab
from ipfs_accelerate_py.skills.skill import Skill


class DetectingModel:
    """A class of transformers that is made of one of another library's."""

    def __init__(self) -> None:
        requires_backends(self, ["detectron2"])


def lab(write: Any, folder: Path) -> Lab:
    """Return a lab of one task whose checkpoints `write` writes."""
    heads: Any = {"fill-mask": None}
    cases: Any = {"fill-mask": None}
    return Lab(Skill("made_up", "embedding", heads=heads, loaders={}), cases, write, folder)


def test_a_class_that_needs_a_library_that_is_not_here_is_skipped(tmp_path: Path) -> None:
    with pytest.raises(
        pytest.skip.Exception, match="lacks detectron2, without which DetectingModel cannot be made"
    ):
        lab(lambda *_: DetectingModel(), tmp_path).bench("fill-mask")


def test_a_module_that_is_missing_otherwise_is_a_failure(tmp_path: Path) -> None:
    def write(*_: Any) -> Any:
        raise ModuleNotFoundError("No module named 'detectron2'")

    with pytest.raises(ModuleNotFoundError):
        lab(write, tmp_path).bench("fill-mask")
