"""What another version of transformers makes different is told in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ipfs_accelerate_generator.specfile import read_spec
from ipfs_accelerate_generator.upgrade import differences

BERT = read_spec(Path(__file__).parents[1] / "model_specs" / "surveyed" / "bert.toml")


def test_the_same_spec_has_no_differences() -> None:
    assert differences(BERT, replace(BERT)) == ()


def test_tasks_that_came_went_or_changed_are_named() -> None:
    first, second, *rest = BERT.heads
    after = replace(BERT, heads=(replace(second, inputs=("input_ids",)), *rest))
    assert differences(BERT, after) == (
        f"no task {first.task} any more",
        f"{second.task}: inputs input_ids instead of input_ids, attention_mask, token_type_ids",
    )
    assert differences(after, BERT)[0] == f"new task {first.task} ({first.model})"


def test_whatever_else_differs_is_said() -> None:
    assert differences(BERT, replace(BERT, tiny={"hidden_size": 8})) == ("another tiny",)
    assert differences(BERT, replace(BERT, config="OtherConfig")) == (
        "config OtherConfig instead of BertConfig",
    )
    assert differences(BERT, replace(BERT, title="Another")) == ("small things",)
