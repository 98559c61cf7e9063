"""The survey finds how a tokenizer that stands for a processor is made offline, and which tasks answer it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ipfs_accelerate_generator.given import unmade
from ipfs_accelerate_generator.spec import ModelSpec, Processing
from ipfs_accelerate_generator.specfile import read_spec, write_surveyed
from ipfs_accelerate_generator.survey.tokenized import tokenized
from ipfs_accelerate_generator.workspace import shipped


def spec(stem: str) -> ModelSpec:
    return read_spec(shipped() / "model_specs" / "surveyed" / f"{stem}.toml")


@pytest.mark.parametrize(
    ("stem", "tokenizer", "tasks"),
    [
        (
            "ctrl",
            "CTRLTokenizer",
            {"feature-extraction", "text-generation", "text-classification"},
        ),  # two files
        ("esm", "EsmTokenizer", {"feature-extraction", "fill-mask"}),  # a list
        ("perceiver", "PerceiverTokenizer", {"fill-mask", "text-classification"}),  # none
        (
            "openai_gpt",
            "OpenAIGPTTokenizer",
            {"text-generation"},
        ),  # whose other tasks have templates of a text
    ],
)
def test_a_tokenizer_of_its_class_makes_what_the_tasks_take(
    stem: str, tokenizer: str, tasks: set[str]
) -> None:
    found = tokenized(spec(stem))
    assert found.tokenizer == tokenizer
    assert tasks <= set(found.tasks)
    assert found.takes == ("text", "text_pair")


def test_tasks_that_are_given_a_text_already_are_not_asked() -> None:
    about = spec("openai_gpt")
    assert tokenized(about).tasks == tuple(head.task for head in about.heads if head.tensors)


def test_a_task_that_is_not_given_what_changes_its_answer_is_left_out() -> None:
    """RoCBert's tokenizer says of each token how it looks and sounds, which its tasks are not given."""
    about = spec("roc_bert")
    assert "input_shape_ids" not in about.heads[0].inputs
    assert tokenized(about).tasks == ()


def test_a_type_of_other_things_beside_texts_has_none() -> None:
    about = spec("openai_gpt")
    assert tokenized(replace(about, modalities=("text", "image"))) == Processing()


def test_a_class_that_cannot_write_a_second_token_is_left_out() -> None:
    """ProphetNet's refuses its own cache when it is given a mask."""
    assert tokenized(spec("prophetnet")).tasks == ("feature-extraction",)


def test_a_library_that_is_missing_is_named_where_a_task_stays_with_arrays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "sacremoses", None)
    about = spec("biogpt")
    found = tokenized(about)
    assert found == Processing(tokenizer="BioGptTokenizer", refused="needs sacremoses: it is not installed")
    told = replace(about, processing=found)
    assert unmade(told, told.heads[0]).endswith(
        "what BioGptTokenizer makes of a text is not proved here; needs sacremoses: it is not installed"
    )
    path = tmp_path / "biogpt.toml"
    path.write_text(write_surveyed(told))
    assert read_spec(path).processing == found
