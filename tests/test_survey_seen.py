"""The survey finds a type's image processor, and which heads of pictures alone answer what it makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ipfs_accelerate_generator.spec import ModelSpec, Seen
from ipfs_accelerate_generator.specfile import read_spec, write_surveyed
from ipfs_accelerate_generator.survey.relatives import image_processor
from ipfs_accelerate_generator.survey.seen import seen
from ipfs_accelerate_generator.workspace import shipped


def spec(stem: str) -> ModelSpec:
    return read_spec(shipped() / "model_specs" / "surveyed" / f"{stem}.toml")


def test_a_head_of_pictures_answers_what_the_image_processor_makes() -> None:
    found = seen(spec("superpoint"))
    assert found.tasks == ("keypoint-detection",)
    assert found.image_processor == "SuperPointImageProcessorPil"
    assert found.count == 1


def test_two_pictures_are_shown_to_what_compares_them() -> None:
    assert seen(spec("superglue")).count == 2


def test_an_image_processor_that_wants_more_than_pictures_makes_nothing() -> None:
    assert seen(spec("vitmatte")) == Seen()  # it wants a trimap


def test_pictures_of_sizes_that_the_head_does_not_take_are_left_out() -> None:
    about = spec("superpoint")
    head = about.heads[0]
    fixed = replace(
        head, tensors=tuple(replace(each, shape=(2, 3, 64, 72), vary=(0,)) for each in head.tensors)
    )
    assert seen(replace(about, heads=(fixed,))) == Seen()


def test_a_type_that_the_table_leaves_out_has_the_class_of_those_it_shares_code_with() -> None:
    assert image_processor(spec("rt_detr_v2")) == "RTDetrImageProcessorPil"
    assert image_processor(spec("sapiens2")) == ""  # torchvision alone makes its pictures


def test_what_was_found_is_written_and_read_again(tmp_path: Path) -> None:
    told = Seen(tasks=("keypoint-detection",), image_processor="A", edge=8, count=2)
    path = tmp_path / "superpoint.toml"
    path.write_text(write_surveyed(replace(spec("superpoint"), seen=told)))
    assert read_spec(path).seen == told
