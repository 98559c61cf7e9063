"""Inputs are made by rules that a table names; those that a head takes are kept, and told as a spec holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from transformers import PreTrainedConfig

from ipfs_accelerate_generator.survey import shown
from ipfs_accelerate_generator.survey.described import described
from ipfs_accelerate_generator.survey.inputs import fed, make
from ipfs_accelerate_generator.survey.rules.table import BESIDE, LITERAL, OTHERS, RULES
from ipfs_accelerate_generator.survey.running import forward, settled
from ipfs_accelerate_generator.survey.shape import Shape
from ipfs_accelerate_generator.survey.structured import flat
from ipfs_accelerate_generator.survey.subject import Candidate, NoInput, SurveyError

ENTRIES = sorted(
    {(name, rule) for table in (RULES, OTHERS) for name, rules in table.items() for rule in rules},
    key=lambda each: (each[0], each[1].__name__),
)


class Config(PreTrainedConfig):  # type: ignore[misc]  # its types are not read
    model_type = "stub"
    hidden_size = 16

    def __init__(self, **more: Any) -> None:
        super().__init__()
        self.__dict__.update({"hidden_size": 16, "patch_size": 4, "image_size": 16} | more)


class Stub(nn.Module):  # type: ignore[misc]  # its types are not read
    """A model whose forward is `does`, with its own signature."""

    def __init__(self, does: Callable[..., Any], **config: Any) -> None:
        super().__init__()
        self.config = Config(**config)
        self.does = does

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.does(*inputs, **named)


def candidate(does: Callable[..., Any], task: str = "feature-extraction") -> Candidate:
    """Return a head whose class takes what `does` takes."""
    return Candidate(task, "", type("Class", (), {"forward": staticmethod(does)}))


@pytest.mark.parametrize(("name", "rule"), ENTRIES, ids=lambda each: getattr(each, "__name__", each))
def test_a_rule_makes_the_same_numbers_of_the_same_seed_and_as_many_axes_in_a_larger_batch(
    name: str, rule: Callable[[Shape, Any], torch.Tensor]
) -> None:
    shape = Shape("feature-extraction", Config(), 12, heard=24)
    first, second, larger = (
        dict(flat(name, rule(each, torch.Generator().manual_seed(0))))
        for each in (shape, shape, replace(shape, batch=3))
    )
    assert first.keys() == second.keys() == larger.keys()
    for part, one in first.items():
        assert torch.equal(one, second[part])
        assert one.dim() == larger[part].dim()
        assert one.dtype in (torch.float32, torch.int64, torch.bool)


def test_what_is_literal_or_stands_beside_something_has_a_rule() -> None:
    made_elsewhere = {"bbox", "image_sizes", "mm_token_type_ids"}
    assert made_elsewhere | RULES.keys() | {*shown.names()} >= LITERAL
    assert RULES.keys() | {"pixel_values", "input_values", "input_features"} >= BESIDE.keys()


def test_pixels_alone_are_not_given_the_mask_of_a_text() -> None:
    def sees(pixel_values: torch.Tensor, attention_mask: torch.Tensor | None = None) -> None: ...

    def reads(
        input_ids: torch.Tensor, pixel_values: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> None: ...

    names = ("input_ids", "attention_mask", "pixel_values")
    assert fed(candidate(sees), names) == ("pixel_values",)
    assert "attention_mask" in fed(candidate(reads), names)


@pytest.mark.parametrize("rows", [4, 7])
def test_a_picture_has_as_many_rows_as_a_pyramid_halves_and_pools_whole(rows: int) -> None:
    pooled = Config(image_size=None, image_feature_pool_shape=[rows, rows, 16])
    picture = make(["image"], Shape("feature-extraction", pooled, 12))["image"]
    maps = nn.Sequential(*(nn.MaxPool2d(2) for _ in range(5)))(picture)
    assert maps.shape[-2:] == (rows, rows)
    told = Config(image_size=32, image_feature_pool_shape=[rows, rows, 16])
    assert make(["image"], Shape("feature-extraction", told, 12))["image"].shape[-1] == 32


def test_a_number_that_sets_something_is_no_input() -> None:
    def hears(input_values: torch.Tensor, n_quantizers: int | None = None) -> None: ...

    assert fed(candidate(hears), ("input_values", "n_quantizers")) == ("input_values",)


def test_patches_are_packed_as_the_grid_beside_them_says() -> None:
    def sees(hidden_states: torch.Tensor, grid_thw: torch.Tensor) -> torch.Tensor:
        if hidden_states.shape[0] != int(grid_thw.prod(-1).sum()):
            raise ValueError("as many patches as the grid has places")
        return hidden_states

    model = Stub(sees)
    feed = settled(candidate(sees), model, ("hidden_states", "grid_thw"))
    assert (feed.output, feed.tried) == ("tensor", ())
    tensors = described(feed.made(), feed.made(tokens=7), feed.made(batch=3))
    assert [each.vary for each in tensors] == [(), ()]
    assert tensors[1].values == feed.made()["grid_thw"].tolist()


def test_the_first_rule_that_works_is_kept_and_the_failures_before_it_are_told() -> None:
    def maps(hidden_states: torch.Tensor) -> torch.Tensor:
        if hidden_states.dim() != 4:
            raise ValueError("a map has four axes")
        return hidden_states

    feed = settled(candidate(maps), Stub(maps), ("hidden_states",))
    assert feed.made()["hidden_states"].shape == (2, 16, 4, 4)
    assert len(feed.tried) == 1
    assert "a map has four axes" in feed.tried[0]


def test_a_size_that_a_layer_asks_for_is_given() -> None:
    layer = nn.Linear(48, 2)
    feed = settled(candidate(one_of(layer)), Stub(one_of(layer)), ("hidden_states",))
    assert feed.made()["hidden_states"].shape == (2, 12, 48)
    assert feed.made(seed=1)["hidden_states"].shape == (2, 12, 48)


def one_of(layer: nn.Module) -> Callable[..., Any]:
    def applied(hidden_states: torch.Tensor) -> Any:
        return layer(hidden_states)

    return applied


def test_a_mask_is_as_long_as_the_sound_beside_it() -> None:
    shape = Shape("feature-extraction", Config(), 12, chosen={"input_features": 1})
    made = make(("input_features", "input_features_mask"), shape)
    assert made["input_features_mask"].shape == made["input_features"].shape[:2]


def test_vectors_are_given_where_ids_are_refused() -> None:
    def decodes(
        input_ids: torch.Tensor | None = None, inputs_embeds: torch.Tensor | None = None
    ) -> torch.Tensor:
        if inputs_embeds is None:
            raise ValueError("give vectors")
        return inputs_embeds

    assert settled(candidate(decodes), Stub(decodes), ("input_ids",)).names == ("inputs_embeds",)


def test_what_nothing_makes_is_said_by_name() -> None:
    def does(dreams: torch.Tensor) -> torch.Tensor:
        return dreams

    with pytest.raises(SurveyError, match="no rule makes the input 'dreams'"):
        settled(candidate(does), Stub(does), ("dreams",))
    with pytest.raises(NoInput):
        make(("dreams",), Shape("feature-extraction", Config(), 12))


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (torch.ones(2), ["tensor"]),
        ((torch.ones(2, dtype=torch.long), torch.ones(2)), ["item_1"]),
        ({"loss": None, "maps": (torch.ones(2), torch.ones(3))}, ["maps_0", "maps_1"]),
        ({"maps": (torch.ones(2),), "logits": torch.ones(3)}, ["logits"]),
        ({"codes": torch.ones(2, dtype=torch.long)}, ["codes"]),
    ],
)
def test_the_tensors_of_an_output_have_names(output: Any, names: list[str]) -> None:
    assert list(forward(Stub(lambda: output), {})) == names


def test_a_film_is_given_beside_a_sound_where_the_sound_alone_is_refused() -> None:
    def hears_and_sees(
        input_values: Any = None, pixel_values_videos: Any = None, padding_mask_videos: Any = None
    ) -> torch.Tensor:
        return input_values.mean(-1, keepdim=True) + pixel_values_videos.flatten(1).mean(-1, keepdim=True)

    feed = settled(candidate(hears_and_sees), Stub(hears_and_sees), ("input_values",))
    assert feed.names == ("input_values", "pixel_values_videos")


def test_what_is_drawn_on_the_way_is_the_same_each_time() -> None:
    model = Stub(lambda: torch.rand(4))
    assert torch.equal(forward(model, {})["tensor"], forward(model, {})["tensor"])


def test_a_mask_is_as_long_as_the_codes_beside_it() -> None:
    config = Config(num_codebooks=5, codebook_size=8)
    made = make(
        ("input_ids", "attention_mask"), Shape("feature-extraction", config, 12, chosen={"input_ids": 1})
    )
    assert made["input_ids"].shape == made["attention_mask"].shape == (2, 5)


def test_one_sound_is_given_where_two_are_refused() -> None:
    def hears(
        attention_mask: torch.Tensor | None = None,
        input_values: torch.Tensor | None = None,
        input_features: torch.Tensor | None = None,
    ) -> torch.Tensor:
        if input_values is None or input_features is not None:
            raise ValueError("give samples alone")
        return input_values

    feed = settled(
        candidate(hears, "automatic-speech-recognition"),
        Stub(hears),
        ("attention_mask", "input_values", "input_features"),
    )
    assert feed.names == ("attention_mask", "input_values")


def test_what_speaks_a_text_is_given_the_text_alone_and_the_codes_that_it_goes_on_with() -> None:
    def speaks(
        input_ids: torch.Tensor | None = None,
        input_values: torch.Tensor | None = None,
        decoder_input_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        if input_values is not None or decoder_input_ids is None or len(decoder_input_ids) != 8:
            raise ValueError("give codes of each book, in rows of their own")
        return decoder_input_ids.float()

    model = Stub(speaks, num_codebooks=4, codebook_size=8)
    feed = settled(candidate(speaks, "text-to-audio"), model, ("input_ids", "input_values"))
    assert feed.names == ("input_ids", "decoder_input_ids")


def test_the_bands_beside_samples_are_of_the_same_time() -> None:
    names = ("input_values", "input_features")
    made = make(names, Shape("feature-extraction", Config(hop_length=320), 12))
    assert made["input_values"].shape[-1] == 320 * made["input_features"].shape[1]


def test_there_are_as_many_documents_as_the_configuration_says() -> None:
    names = ("context_input_ids", "context_attention_mask", "doc_scores")
    made = make(names, Shape("feature-extraction", Config(n_docs=3), 12))
    assert [tuple(each.shape) for each in made.values()] == [(6, 12), (6, 12), (2, 3)]


def test_vectors_beside_codes_are_as_many_as_the_codes_are_repeated() -> None:
    names = ("hidden_states", "quantized_code")
    made = make(names, Shape("feature-extraction", Config(repeats=2), 7))
    assert made["hidden_states"].shape[1] == 2 * made["quantized_code"].shape[1]


def test_the_boxes_of_words_are_shares_of_a_page_where_the_class_reads_them_so() -> None:
    from transformers import LayoutLMv3Config, UdopConfig

    parts, shares = (
        make(("bbox",), Shape("feature-extraction", config(), 6))["bbox"]
        for config in (LayoutLMv3Config, UdopConfig)
    )
    assert not parts.is_floating_point()
    assert parts.max() > 1
    assert shares.is_floating_point()
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert (shares[..., 2:] > shares[..., :2]).all()


@pytest.mark.parametrize("field", ["image_size", "img_size", "max_img_size"])
def test_a_picture_is_as_large_as_the_configuration_says_by_whichever_name(field: str) -> None:
    shape = Shape("image-feature-extraction", Config(**{"image_size": 0, field: 24}), 12)
    assert make(("pixel_values",), shape)["pixel_values"].shape == (2, 3, 24, 24)
