"""The survey finds how a type's own processor is made offline, and which tasks answer what it makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ipfs_accelerate_generator.spec import Head, ModelSpec, Processing
from ipfs_accelerate_generator.specfile import read_spec, write_surveyed
from ipfs_accelerate_generator.survey.processed import processing
from ipfs_accelerate_generator.workspace import shipped

PICTURED = "image-text-to-text"


def spec(stem: str) -> ModelSpec:
    return read_spec(shipped() / "model_specs" / "surveyed" / f"{stem}.toml")


def test_a_processor_is_given_what_stands_for_a_picture_and_as_many_tokens_as_the_model_asks_for() -> None:
    found = processing(spec("deepseek_vl"))
    assert found.takes == ("text", "images")
    assert PICTURED in found.tasks
    assert found.prompt == "<image>"
    assert found.settings == {"num_image_tokens": 16}  # of 32 by 32 pixels in patches of 8


def test_a_task_that_is_not_given_what_changes_its_answer_is_left_out() -> None:
    """PaliGemma sees a picture as a whole where `token_type_ids` say so, which its processor makes."""
    about = spec("paligemma")
    assert PICTURED in processing(about).tasks
    assert processing(replace(about, heads=tuple(map(_without_kinds, about.heads)))) == Processing()


def _without_kinds(head: Head) -> Head:
    kept = tuple(each for each in head.tensors if each.name != "token_type_ids")
    assert kept != head.tensors
    # fused attention without any mask happens to see a picture as a whole, too; the plain form does not
    return replace(head, inputs=tuple(each.name for each in kept), tensors=kept, attention="eager")


def test_a_type_without_a_processor_has_none() -> None:
    about = spec("deepseek_vl")
    assert processing(replace(about, processors=replace(about.processors, processor=""))) == Processing()


def test_what_was_found_is_written_and_read_again(tmp_path: Path) -> None:
    told = Processing(tasks=(PICTURED,), takes=("text", "images"), prompt="<a>", settings={"count": 4})
    path = tmp_path / "deepseek_vl.toml"
    path.write_text(write_surveyed(replace(spec("deepseek_vl"), processing=told)))
    assert read_spec(path).processing == told
