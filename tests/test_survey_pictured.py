"""Types whose texts have pictures in them are surveyed with as many placeholders as the model has vectors."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ipfs_accelerate_generator.specfile import read_spec
from ipfs_accelerate_generator.survey.inputs import fed
from ipfs_accelerate_generator.survey.pictured import nameless, one_modality, processed
from ipfs_accelerate_generator.survey.report import LEAST_CONTROL
from ipfs_accelerate_generator.survey.subject import candidates, subject
from ipfs_accelerate_generator.survey.surveyor import survey_type

SPECS = Path(__file__).parent.parent / "model_specs" / "surveyed"


@pytest.mark.parametrize("model_type", ["llava", "llava_next", "qwen2_vl", "qwen3_vl"])
def test_the_committed_spec_is_what_the_survey_says(model_type: str) -> None:
    surveyed = survey_type(model_type)
    assert surveyed.left_out == ()
    assert surveyed.control >= LEAST_CONTROL
    assert surveyed.spec == read_spec(SPECS / f"{model_type}.toml")


def test_films_are_fed_only_where_there_are_no_pictures() -> None:
    films = ("pixel_values_videos", "video_grid_thw")
    assert one_modality(("input_ids", "pixel_values", *films)) == ("input_ids", "pixel_values")
    assert one_modality(("input_ids", *films)) == ("input_ids", *films)


def test_pictures_under_an_older_name_are_left_out_beside_the_usual_one_only() -> None:
    both = ("input_ids", "image_patches", "pixel_values")
    assert one_modality(both) == ("input_ids", "pixel_values")
    assert one_modality(both[:2]) == both[:2]


def test_a_text_with_pictures_has_tokens_where_no_table_names_its_tokenizer() -> None:
    bare = candidates(subject("glm46v"))[0]
    assert "input_ids" in fed(bare, ("pixel_values", "image_grid_thw", "mm_token_type_ids"))


@pytest.mark.parametrize("name", ["GraniteDoclingConfig", "Idefics3Config"])
def test_each_text_has_pictures_of_its_own_where_the_processor_would_give_all_to_one(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    made = processed(getattr(transformers, name)(), seed=0, count=2)
    assert len(made["pixel_values"]) == 2


@pytest.mark.parametrize(("padding", "stands"), [(None, 1), (0, 1), (1, 3)])
def test_what_stands_for_a_picture_without_an_id_is_no_padding(padding: int | None, stands: int) -> None:
    assert nameless(SimpleNamespace(pad_token_id=padding)) == stands
