"""A skill whose class the installed transformers lacks says so, and which release has it."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from ipfs_accelerate_py.errors import BackendError
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.skill import SURVEYED, Skill

ROOT = Path(__file__).parents[1]


def _newer(*_: Any) -> Any:
    from transformers import ModelOfALaterRelease  # noqa: F401  # what is not there is what is tested

    raise AssertionError("transformers has a class of this name")


def test_the_release_that_has_the_class_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    skill = Skill("later", "embedding", heads={"fill-mask": None}, loaders={"cpu": _newer})  # type: ignore[dict-item]  # no head is looked at
    with pytest.raises(BackendError) as refused:
        skill.load(Checkpoint(str(tmp_path)), "fill-mask", "cpu")
    for told in ("later", "ModelOfALaterRelease", version("transformers"), f"transformers>={SURVEYED}"):
        assert told in str(refused.value)


def test_the_release_is_the_one_that_everything_is_tested_with() -> None:
    pinned = re.search(r"^transformers==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert pinned[1] == SURVEYED
