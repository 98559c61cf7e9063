"""A small decoder that repeats itself is not what a generated test writes with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.evidence import lab
from ipfs_accelerate_py.evidence.controls import Control
from ipfs_accelerate_py.evidence.gains import GAINS, Gain, for_writing
from ipfs_accelerate_py.evidence.variety import enough, told_apart, varied
from ipfs_accelerate_py.skills.skill import Skill

_MOVED = [Control("input_ids changed", 0.5)]


def _bench(*written: list[int], session: object = object(), task: str = "text-generation") -> Any:
    answers = [{"tokens": tokens} for tokens in written]
    skill = SimpleNamespace(
        heads={task: SimpleNamespace(session=session)},
        load=lambda checkpoint, task, backend: lambda items, **options: answers,
    )
    case = SimpleNamespace(inputs=tuple(range(len(written))), options={})
    return SimpleNamespace(skill=skill, task=task, case=case, checkpoint=None)


@pytest.mark.parametrize(
    ("written", "is_varied"), [([1, 2, 3, 4], True), ([1, 2, 3, 3], False), ([5] * 16, False)]
)
def test_four_tokens_after_every_input_are_variety(written: list[int], is_varied: bool) -> None:
    assert varied(_bench([1, 2, 3, 4], written)) is is_varied


def test_what_writes_no_tokens_needs_no_variety() -> None:
    assert varied(_bench([1], session=None))


def test_after_a_source_tokens_are_counted_over_all_texts_as_the_test_of_the_task_does() -> None:
    written = ([1, 2], [3, 4])
    assert enough(_bench(*written, task="text2text-generation"))
    assert not enough(_bench(*written))


def test_the_same_after_every_input_tells_nothing_apart() -> None:
    assert told_apart(_bench([1, 2], [1, 3]))
    assert not told_apart(_bench([1, 2], [1, 2]))
    assert told_apart(_bench([1], [1], session=None))


def test_no_two_draws_are_the_same_and_the_usual_ones_come_first() -> None:
    draws = [
        (float(each), each.tables, each.seed)
        for each in (each if isinstance(each, Gain) else Gain(each) for each in (*GAINS, *for_writing()))
    ]
    assert len({*draws}) == len(draws)
    assert len({seed for *_, seed in draws[: len(GAINS)]}) == 1


def test_other_seeds_are_tried_only_where_too_little_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lab.Bench, "controls", lambda self, forward: _MOVED)
    monkeypatch.setattr(lab, "varied", _redrawn)
    skill = Skill("tiny", "text_generation", heads={}, loaders={})
    case = lab.Case(lambda config: None, inputs=("rain",))
    for is_enough, seed in ((True, None), (False, 1)):
        monkeypatch.setattr(lab, "enough", lambda bench, said=is_enough: said)
        chosen = lab.prepared(skill, "text-generation", case, lambda folder, case, gain: gain, tmp_path)  # type: ignore[arg-type,return-value]  # a gain stands for the checkpoint with it
        assert getattr(chosen.checkpoint, "seed", None) == seed


def _redrawn(bench: Any) -> bool:
    return isinstance(bench.checkpoint, Gain) and bench.checkpoint.seed == 1


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
    monkeypatch.setattr(lab, "enough", lambda bench: False)
    skill = Skill("tiny", "text_generation", heads={}, loaders={})
    case = lab.Case(lambda config: None, inputs=("rain",))
    chosen = lab.prepared(skill, "text-generation", case, lambda folder, case, gain: gain, tmp_path)  # type: ignore[arg-type,return-value]  # a gain stands for the checkpoint with it
    assert np.isclose(float(str(chosen.checkpoint)), 2)
