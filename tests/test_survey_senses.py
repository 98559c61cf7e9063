"""What stands in a text for a sound or a picture, the forms of pictures, and what models that see cannot do without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ipfs_accelerate_generator.specfile import read_spec
from ipfs_accelerate_generator.survey.inputs import fed
from ipfs_accelerate_generator.survey.proof import prove
from ipfs_accelerate_generator.survey.running import settled
from ipfs_accelerate_generator.survey.senses import shares_in_source
from ipfs_accelerate_generator.survey.shape import Shape
from ipfs_accelerate_generator.survey.shrink import ALTERNATIVES, tiny
from ipfs_accelerate_generator.survey.spoken import missed
from ipfs_accelerate_generator.survey.subject import Candidate, candidates, subject

pytest.importorskip("transformers")

SPECS = Path(__file__).parent.parent / "model_specs" / "surveyed"
USUAL = ALTERNATIVES[0]
CLOSER = next(each for each in ALTERNATIVES if each.thorough)
SOUND, PICTURE = 17, 19


class Config:
    """What rules ask of a configuration."""

    model_type = "stub"
    is_encoder_decoder = False

    def __init__(self) -> None:
        self.audio_token_id, self.image_token_id = SOUND, PICTURE
        self.vocab_size, self.num_mel_bins, self.patch_size, self.image_size = 128, 8, 4, 16

    def get_text_config(self) -> Config:
        return self


class Stub(nn.Module):  # type: ignore[misc]  # its types are not read
    """A model whose forward is `does`, and which has `methods`."""

    def __init__(self, does: Callable[..., Any], **methods: Callable[..., Any]) -> None:
        super().__init__()
        self.config, self.does = Config(), does
        self.__dict__.update(methods)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.does(*inputs, **named)


def candidate(does: Callable[..., Any], **methods: Any) -> Candidate:
    return Candidate("feature-extraction", "", type("Class", (), {"forward": staticmethod(does), **methods}))


class Made:
    """What a method for pictures or sounds returns."""

    def __init__(self, vectors: torch.Tensor) -> None:
        self.pooler_output = vectors


def test_as_many_tokens_stand_for_a_sound_as_the_model_has_vectors_of_it() -> None:
    def hears(input_ids: torch.Tensor, input_features: torch.Tensor) -> torch.Tensor:
        if (input_ids == SOUND).sum() != len(encoded(input_features).pooler_output):
            raise ValueError("as many tokens as vectors")
        return input_features

    def encoded(input_features: torch.Tensor) -> Made:
        return Made(input_features.transpose(1, 2)[:, ::10].reshape(-1, 8))

    feed = settled(candidate(hears), Stub(hears, get_audio_features=encoded), ("input_ids", "input_features"))
    assert feed.shape.spoken == 10
    assert feed.made()["input_ids"].shape == (2, 12 + 10)


def test_a_message_says_how_many_tokens_a_sound_wants() -> None:
    shape = Shape("feature-extraction", Config(), 12)
    assert missed("Audio features and audio tokens do not match, tokens: 4, features: 24", shape) == 12
    assert missed("something else", shape) == 0


def test_a_text_is_fed_where_the_tokens_that_stand_for_a_sound_are_missed() -> None:
    def hears(input_ids: Any = None, attention_mask: Any = None, input_features: Any = None) -> torch.Tensor:
        if input_ids is None:
            raise ValueError("Audio features and audio tokens do not match, tokens: 0, features: 2")
        return torch.as_tensor(input_features)

    feed = settled(candidate(hears), Stub(hears), ("input_features",))
    assert feed.names == ("input_ids", "attention_mask", "input_features")


def test_a_sound_that_the_extractor_names_otherwise_is_fed_as_the_method_takes_it() -> None:
    def hears(
        input_ids: Any = None, audio_input_ids: Any = None, audio_input_ids_mask: Any = None
    ) -> None: ...

    def encoded(self: Any, audio_input_ids: Any, audio_input_ids_mask: Any = None) -> None: ...

    with_method = candidate(hears, get_audio_features=encoded)
    assert fed(with_method, ("input_ids", "input_features")) == (
        "input_ids",
        "audio_input_ids",
        "audio_input_ids_mask",
    )


def test_a_form_of_pictures_counts_only_if_the_whole_model_takes_it() -> None:
    def sees(input_ids: torch.Tensor, pixel_values: torch.Tensor) -> torch.Tensor:
        if pixel_values.dim() != 3:
            raise ValueError("patches of each picture")
        return pixel_values

    def seen(pixel_values: torch.Tensor) -> Made:
        return Made(pixel_values.reshape(-1, 48))

    feed = settled(candidate(sees), Stub(sees, get_image_features=seen), ("input_ids", "pixel_values"))
    assert feed.shape.form == "patches of each picture"


def test_a_token_for_a_picture_is_that_of_pictures_where_one_looks_closer() -> None:
    config = subject("instructblip").config
    assert 0 < tiny(config, USUAL)["image_token_index"] < PICTURE
    assert tiny(config, CLOSER)["image_token_index"] == PICTURE


def test_each_code_of_a_small_code_book_has_a_word() -> None:
    words = tiny(subject("chameleon").config, CLOSER)["vocabulary_map"]
    assert words["<image>"] == PICTURE
    assert len({place for word, place in words.items() if word.startswith("IMGIMG")}) == 64


def test_parts_that_see_and_hear_are_there_where_one_looks_closer() -> None:
    config = subject("gemma4").config
    assert "vision_config" not in tiny(config, USUAL)
    assert {"vision_config", "audio_config"} <= tiny(config, CLOSER).keys()


def test_shares_of_a_head_that_are_alike_in_the_models_source_stay_alike() -> None:
    config = subject("ernie4_5_vl_moe_text").config
    assert shares_in_source(config) == (22, 22, 20)
    first, second, third = tiny(config, CLOSER)["rope_parameters"]["mrope_section"]
    assert first == second
    assert first + second + third == CLOSER.head_width // 2


def test_a_head_of_the_text_alone_is_made_of_the_part_about_text() -> None:
    about = subject("llama4")
    head = next(each for each in candidates(about) if each.task == "text-generation")
    arguments = tiny(about.config, CLOSER)
    assert prove(head, about.config, arguments, ("input_ids", "attention_mask")).output == "logits"


@pytest.mark.parametrize("model_type", ["qwen2_audio", "inkling2", "gemma4"])
def test_ids_with_tokens_that_stand_for_something_else_are_told_one_by_one(model_type: str) -> None:
    head = read_spec(SPECS / f"{model_type}.toml").head("feature-extraction")
    told = {each.name: each.values for each in head.tensors}
    assert len(told["input_ids"]) == 2
