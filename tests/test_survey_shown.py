"""Pictures beside a text in the forms that a survey draws, and what goes with them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ipfs_accelerate_generator.modalities import CARRIES
from ipfs_accelerate_generator.survey import facts, inputs, pictured, placed, shown, targets
from ipfs_accelerate_generator.survey.rules.table import LITERAL, RULES
from ipfs_accelerate_generator.survey.shape import Shape
from ipfs_accelerate_generator.survey.subject import Candidate, subject


def _frame(form: str, **changes: Any) -> shown.Frame:
    told = {"count": 2, "channels": 3, "side": 64, "patch": 8, "depth": 1, "merge": 2}
    return shown.Frame(form=form, **{**told, **changes})


def _drawn(name: str, frame: shown.Frame) -> Any:
    return shown.drawn(name, frame, torch.Generator().manual_seed(0))


def test_each_vector_is_made_of_neighbouring_patches_and_each_patch_goes_into_one() -> None:
    frame = _frame("all patches of each picture")
    pools = _drawn("image_token_pooling", frame)
    grids = _drawn("image_grids", frame)
    assert pools.flatten().sort().values.tolist() == list(range(2 * 64))
    assert pools[0].tolist() == [0, 1, 8, 9]
    assert int((grids[:, 0] * grids[:, 1] + grids[:, 2] * grids[:, 3]).sum()) == len(pools)


def test_all_patches_of_a_picture_are_as_many_as_its_side_has() -> None:
    assert _drawn("pixel_values", _frame("all patches of each picture")).shape == (2, 64, 3 * 8 * 8)
    assert _drawn("pixel_values", _frame("patches of each picture")).shape == (2, 24, 3 * 8 * 8)


def test_closer_views_are_as_many_as_is_said_and_one_of_each_picture() -> None:
    frame = _frame("whole pictures")
    assert len(_drawn("pixel_values_local", frame)) == int(_drawn("num_local_patches", frame).sum()) == 2


def test_numbers_about_pictures_are_told_one_by_one() -> None:
    assert {"num_local_patches", "image_token_pooling", "image_grids"} <= LITERAL


def test_patches_with_their_places_are_pictures_and_are_fed_beside_a_text_that_marks_where() -> None:
    assert CARRIES["flattened_patches"] == "image"

    class Reads:
        def forward(
            self,
            input_ids: Any = None,
            flattened_patches: Any = None,
            image_embeds_position_mask: Any = None,
            attention_mask: Any = None,
        ) -> None: ...

    class Sees:
        def forward(self, flattened_patches: Any = None, attention_mask: Any = None) -> None: ...

    assert {"input_ids", "flattened_patches", "image_embeds_position_mask"} <= {*pictured.offered(Reads, ())}
    assert pictured.offered(Sees, ()) == ()


@pytest.mark.parametrize(
    ("model_type", "fed"),
    [
        ("pp_formulanet", {"pixel_values", "decoder_input_ids"}),
        ("t5gemma2", {"input_ids", "pixel_values", "attention_mask", "decoder_input_ids"}),
        ("florence2", {"input_ids", "pixel_values", "attention_mask", "decoder_input_ids"}),
        ("blip-2", {"input_ids", "attention_mask"}),
    ],
)
def test_what_was_written_is_fed_beside_a_text_or_instead_of_one_that_is_nothing_else(
    model_type: str, fed: set[str]
) -> None:
    from transformers import AutoModelForImageTextToText

    about = subject(model_type, ())
    model = AutoModelForImageTextToText._model_mapping[about.config]
    found = targets.decoded(Candidate("image-text-to-text", "", model), ("input_ids", "attention_mask"))
    assert {*found} == fed


def test_a_protein_is_fed_to_what_takes_one() -> None:
    from transformers import EvollaModel, LlamaModel

    assert {"protein_input_ids", "protein_attention_mask"} <= RULES.keys()
    fed = inputs.fed(Candidate("feature-extraction", "", EvollaModel), ("input_ids",))
    assert {"protein_input_ids", "protein_attention_mask"} <= {*fed}
    assert inputs.fed(Candidate("feature-extraction", "", LlamaModel), ("input_ids",)) == ("input_ids",)


def test_channels_of_a_picture_are_none_of_the_ids_beside_it() -> None:
    config = SimpleNamespace(num_channels=3)
    assert inputs.ways("input_ids", ("input_ids", "pixel_values"), config) == 1


@pytest.mark.parametrize(
    ("deeper", "mask", "usual"),
    [
        (None, None, True),
        ([], (2, 3, 4, 4), True),
        ([torch.zeros(1)], None, False),
        (None, (2, 3), False),
    ],
)
def test_pictures_lie_as_usual_if_they_give_no_more_and_their_mask_is_about_pixels(
    deeper: Any, mask: tuple[int, ...] | None, *, usual: bool
) -> None:
    class Model:
        config = SimpleNamespace()

        def get_image_features(self, pixel_values: Any, **_: Any) -> Any:
            return SimpleNamespace(pooler_output=pixel_values, deepstack_features=deeper)

    made = {"pixel_values": torch.zeros(2, 3, 3, 4, 4)}
    if mask is not None:
        made["pixel_attention_mask"] = torch.ones(*mask)
    assert placed.pooled(Model(), "get_image_features", made) is not bool(deeper)
    assert pictured.usual(Model(), made) is usual


def test_the_number_of_tokens_is_that_of_the_part_about_text() -> None:
    from transformers import LlamaConfig, PaliGemmaConfig

    assert facts.vocabulary(PaliGemmaConfig()) == "text_config.vocab_size"
    assert facts.vocabulary(LlamaConfig()) == "vocab_size"


def test_beside_a_count_of_them_each_text_states_the_size_of_a_picture_to_be_drawn_too() -> None:
    names = ("input_ids", "pixel_values", "image_grid_thw", "images_per_sample")
    config = SimpleNamespace(num_channels=3, patch_size=8, spatial_merge_size=1)
    shape = Shape("feature-extraction", config, 12, form="patches in rows", names=names)
    frame = inputs._frame(shape)
    assert _drawn("images_per_sample", frame).tolist() == [2, 2]
    assert _drawn("image_grid_thw", frame).tolist() == [[1, 2, 3]] * 4
    assert len(_drawn("pixel_values", frame)) == 2 * 6
    plain = inputs._frame(replace(shape, names=names[:-1]))
    assert _drawn("image_grid_thw", plain).tolist() == [[1, 2, 3]] * 2


def test_where_maps_of_a_picture_are_made_tokens_of_these_are_counted() -> None:
    class Draws:
        def get_image_features(self, pixel_values: Any) -> Any:
            return SimpleNamespace(pooler_output=[each.expand(7, 2, 3) for each in pixel_values])

        def get_image_tokens(self, hidden_states: Any) -> Any:
            return torch.cat([each.argmax(0).flatten() for each in hidden_states])

    class Reads(Draws):
        def get_image_tokens(self, pixel_values: Any) -> Any:
            raise AssertionError("makes them of pictures")

    made = {"pixel_values": torch.zeros(2, 1, 1, 1)}
    assert placed.vectors(Draws(), "get_image_features", made) == 2 * 6
    assert placed.vectors(Reads(), "get_image_features", made) == 2 * 14
