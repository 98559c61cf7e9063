"""Which templates a type takes: what a task is about must be fed, and a spine needs something that reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ipfs_accelerate_generator.choice import spine, templates_of, wants_arrays
from ipfs_accelerate_generator.given import UNWRITTEN
from ipfs_accelerate_generator.planned import PlannedHead
from ipfs_accelerate_generator.rename import Origin
from ipfs_accelerate_generator.spec import Head, ModelSpec, Processors
from ipfs_accelerate_generator.specfile import read_spec
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.tensor import Tensor
from ipfs_accelerate_generator.workspace import Workspace

ROOT = Path(__file__).parents[1]
TEMPLATES = Templates.of(Workspace.at(ROOT).templates())


def spec(name: str) -> ModelSpec:
    return read_spec(ROOT / "model_specs" / "surveyed" / f"{name}.toml")


def head(task: str, *inputs: str, output: str = "logits") -> Head:
    return Head(task=task, table="", model="SomeModel", inputs=inputs, output=output)


@pytest.mark.parametrize("name", ["bert", "vit", "clip", "llava", "whisper", "t5"])
def test_every_task_of_a_usual_type_has_its_template(name: str) -> None:
    assert templates_of(spec(name), TEMPLATES).keys() == {each.task for each in spec(name).heads}


def test_without_a_tokenizer_no_text_is_read() -> None:
    assert templates_of(replace(spec("bert"), processors=Processors()), TEMPLATES) == {}


@pytest.mark.parametrize("task", ["image-classification", "object-detection", "automatic-speech-recognition"])
def test_a_task_about_pictures_or_sounds_that_ran_on_tokens_alone_is_not_offered(task: str) -> None:
    found = replace(spec("bert"), heads=(*spec("bert").heads, head(task, "input_ids")))
    assert task not in templates_of(found, TEMPLATES)


def test_where_texts_have_pictures_in_them_neither_is_taken_alone() -> None:
    alone = head("image-feature-extraction", "pixel_values")
    found = templates_of(replace(spec("llava"), heads=(*spec("llava").heads, alone)), TEMPLATES)
    assert "image-feature-extraction" not in found
    assert "image-text-to-text" in found


@pytest.mark.parametrize(
    ("output", "field", "place"),
    [
        ("logits", "logits", None),
        ("last_hidden_state", "last_hidden_state", None),
        ("tensor", None, None),
        ("item_1", 1, None),
        ("feature_maps_0", "feature_maps", 0),
    ],
)
def test_an_output_says_where_it_stands(output: str, field: str | int | None, place: int | None) -> None:
    planned = PlannedHead(
        head("feature-extraction", "pixel_values", output=output), Origin("transformers", "SomeModel"), (), ""
    )
    assert (planned.field, planned.place) == (field, place)


def arrays(*names: str, idle: str = "") -> tuple[Tensor, ...]:
    return tuple(
        Tensor(
            name=name,
            dtype="float32" if "_values" in name else "int64",
            shape=(2, 4),
            high=9,
            idle=name == idle,
        )
        for name in names
    )


def written(idle: str = "") -> dict[str, str]:
    names = ("input_ids", "pixel_values", "odd_sizes")
    said = replace(head("image-text-to-text", *names), tensors=arrays(*names, idle=idle))
    pictured = replace(spec("llava"), heads=(said,), processors=Processors(processor="SomeProcessor"))
    return templates_of(pictured, TEMPLATES)


def test_what_writes_about_pictures_that_no_template_knows_is_given_arrays() -> None:
    assert written() == {"image-text-to-text": "tasks/tensor_writing"}


def test_a_text_about_pictures_that_do_nothing_is_not_offered() -> None:
    assert written(idle="pixel_values") == {}


def test_tasks_that_only_arrays_are_for_have_no_template_of_their_own() -> None:
    assert not [task for task in UNWRITTEN if f"tasks/{task.replace('-', '_')}" in TEMPLATES]


@pytest.mark.parametrize(
    ("names", "template"),
    [
        (("hidden_states",), "tensor"),
        (("res_type", "atom_inputs__ref_pos", "atom_inputs__ref_charge"), "tensor_structured"),
        (("inference_session__video", "inference_session__point_coords"), "tensor_following"),
    ],
)
def test_records_and_films_that_are_followed_have_templates_of_their_own(
    names: tuple[str, ...], template: str
) -> None:
    said = replace(head("feature-extraction", *names), tensors=arrays(*names))
    assert templates_of(replace(spec("esmfold2"), heads=(said,)), TEMPLATES) == {
        "feature-extraction": f"tasks/{template}"
    }


def test_a_type_that_takes_no_pictures_reads_its_texts_as_others_do() -> None:
    listed = head("image-text-to-text", "input_ids", "attention_mask")
    found = templates_of(replace(spec("bert"), heads=(*spec("bert").heads, listed)), TEMPLATES)
    assert found == templates_of(spec("bert"), TEMPLATES)


def test_a_task_that_nobody_wrote_is_given_arrays_beside_those_that_are_given_a_text() -> None:
    names = ("input_ids", "attention_mask")
    asked = replace(head("document-question-answering", *names), tensors=arrays(*names))
    both = replace(spec("bert"), heads=(*spec("bert").heads, asked))
    found = templates_of(both, TEMPLATES)
    assert found == {**templates_of(spec("bert"), TEMPLATES), "document-question-answering": "tasks/tensor"}
    assert spine(both, TEMPLATES, found) == "embedding"


def test_speech_that_is_written_behind_a_text_is_written_token_by_token() -> None:
    names = ("input_ids", "input_features")
    heard = replace(head("automatic-speech-recognition", *names), tensors=arrays(*names))
    found = templates_of(
        replace(spec("bert"), heads=(heard,), modalities=("text", "audio"), family="multimodal"), TEMPLATES
    )
    assert found == {"automatic-speech-recognition": "tasks/tensor_writing"}


def test_a_picture_that_the_class_could_have_been_given_must_have_been_given() -> None:
    listed = head("image-classification", "input_ids")
    assert wants_arrays(spec("bert"), listed, sees=False)
    assert not wants_arrays(spec("bert"), listed, sees=True)
    assert not wants_arrays(spec("bert"), spec("bert").head("fill-mask"), sees=False)


def test_what_the_survey_describes_as_arrays_is_given_arrays() -> None:
    usual = head("feature-extraction", "input_ids", "attention_mask", output="last_hidden_state")
    arrays = tuple(
        Tensor(name=name, dtype="int64", shape=(2, 12), vary=(0, 1), high=9) for name in usual.inputs
    )
    found = templates_of(replace(spec("bert"), heads=(replace(usual, tensors=arrays),)), TEMPLATES)
    assert found == {"feature-extraction": "tasks/tensor"}
