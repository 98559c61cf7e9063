"""A small decoder that repeats itself is not what a generated test writes with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.evidence import lab
from ipfs_accelerate_py.evidence.controls import Control
from ipfs_accelerate_py.evidence.variety import varied
from ipfs_accelerate_py.skills.skill import Skill

_MOVED = [Control("input_ids changed", 0.5)]


def _bench(*written: list[int], session: object = object()) -> Any:
    answers = [{"tokens": tokens} for tokens in written]
    skill = SimpleNamespace(
        heads={"text-generation": SimpleNamespace(session=session)},
        load=lambda checkpoint, task, backend: lambda items, **options: answers,
    )
    case = SimpleNamespace(inputs=tuple(range(len(written))), options={})
    return SimpleNamespace(skill=skill, task="text-generation", case=case, checkpoint=None)


@pytest.mark.parametrize(
    ("written", "is_varied"), [([1, 2, 3, 4], True), ([1, 2, 3, 3], False), ([5] * 16, False)]
)
def test_four_tokens_after_every_input_are_variety(written: list[int], is_varied: bool) -> None:
    assert varied(_bench([1, 2, 3, 4], written)) is is_varied


def test_what_writes_no_tokens_needs_no_variety() -> None:
    assert varied(_bench([1], session=None))


def test_the_weights_are_raised_until_what_is_written_varies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lab.Bench, "controls", lambda self, forward: _MOVED)
    monkeypatch.setattr(lab, "varied", lambda bench: bench.checkpoint >= 4)
    skill = Skill("tiny", "text_generation", heads={}, loaders={})
    case = lab.Case(lambda config: None, inputs=("rain",))
    chosen = lab.prepared(skill, "text-generation", case, lambda folder, case, gain: gain, tmp_path)  # type: ignore[arg-type,return-value]  # a gain stands for the checkpoint with it
    assert np.isclose(float(str(chosen.checkpoint)), 4)


def test_where_nothing_varies_the_first_at_which_inputs_matter_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lab.Bench, "controls", lambda self, forward: _MOVED if self.checkpoint >= 2 else [])
    monkeypatch.setattr(lab, "varied", lambda bench: False)
    skill = Skill("tiny", "text_generation", heads={}, loaders={})
    case = lab.Case(lambda config: None, inputs=("rain",))
    chosen = lab.prepared(skill, "text-generation", case, lambda folder, case, gain: gain, tmp_path)  # type: ignore[arg-type,return-value]  # a gain stands for the checkpoint with it
    assert np.isclose(float(str(chosen.checkpoint)), 2)
