"""Whether a class that writes goes on from a cache: what is kept, padding on the left, and rows that are exchanged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ipfs_accelerate_generator.survey.continued import goes_on, keeps
from ipfs_accelerate_generator.survey.kept import forgets

pytest.importorskip("transformers")

FEED: Any = SimpleNamespace(names=("input_ids", "attention_mask"))


def model(name: str, **fields: Any) -> Any:
    import torch
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(vocab_size=32, initializer_range=0.2, **fields)
    head = "LMHeadModel" if "GPT" in name else "ForCausalLM"
    return getattr(transformers, f"{name}{head}")(config).eval()


@pytest.fixture(scope="module")
def gpt2() -> Any:
    return model("GPT2", n_embd=16, n_layer=2, n_head=2, n_positions=32)


@pytest.mark.parametrize("apart", [False, True])
def test_a_cache_of_keys_and_values_is_gone_on_from(gpt2: Any, apart: bool) -> None:
    assert goes_on(gpt2, FEED, state=False, apart=apart)


def test_a_class_that_takes_no_cache_forgets_what_it_read() -> None:
    forgetful = model("OpenAIGPT", n_embd=16, n_layer=2, n_head=2, n_positions=32)
    assert not goes_on(forgetful, FEED, state=False, apart=False)


def test_places_that_are_not_those_of_the_tokens_are_found(
    gpt2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = gpt2.forward
    monkeypatch.setattr(gpt2, "forward", lambda position_ids=None, **given: plain(**given))
    assert not goes_on(gpt2, FEED, state=False, apart=False)


def test_of_what_writes_nothing_no_model_is_built() -> None:
    other: Any = SimpleNamespace(task="feature-extraction")
    proof: Any = None
    assert not forgets(other, None, {}, proof, state=False)


def _given(**arrays: Any) -> Any:
    return SimpleNamespace(names=tuple(arrays), made=lambda: arrays)


def _ids(count: int = 9) -> Any:
    import torch

    return torch.arange(2 * count).reshape(2, count) % 20 + 5


def _seen(count: int = 9) -> Any:
    import torch

    mask = torch.ones((2, count), dtype=torch.int64)
    mask[1, -2:] = 0
    return mask


_BART = {
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "max_position_embeddings": 64,
}


def test_a_decoder_goes_on_behind_arrays(gpt2: Any) -> None:
    assert keeps(gpt2, _given(input_ids=_ids(), attention_mask=_seen()))


def test_windows_and_states_are_kept_beside_keys_and_values() -> None:
    kinds = ["conv", "full_attention", "conv"]
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 16}
    mixed = model("Lfm2", **sizes, num_hidden_layers=3, layer_types=kinds)
    assert keeps(mixed, _given(input_ids=_ids()))


def test_a_decoder_goes_on_behind_an_encoder_and_its_mask() -> None:
    import torch
    from transformers import BartConfig, BartForConditionalGeneration

    torch.manual_seed(0)
    bart = BartForConditionalGeneration(BartConfig(vocab_size=32, init_std=0.2, **_BART)).eval()
    arrays = {"input_ids": _ids(), "attention_mask": _seen(), "decoder_input_ids": _ids(4)}
    assert keeps(bart, _given(**arrays))


def test_what_lies_packed_goes_with_the_row_that_it_belongs_to(
    gpt2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    plain, embed = gpt2.forward, gpt2.get_input_embeddings()

    def forward(input_ids: Any, pixel_values: Any = None, **given: Any) -> Any:
        vectors = embed(input_ids)
        if pixel_values is not None:  # two vectors for each row, one row's behind the other's
            places = torch.zeros_like(vectors)
            places[:, :2] = pixel_values.reshape(len(input_ids), 2, -1)
            vectors = vectors + places
        return plain(inputs_embeds=vectors, **given)

    monkeypatch.setattr(gpt2, "forward", forward)
    drawn = torch.randn((4, 16), generator=torch.Generator().manual_seed(0))
    assert keeps(gpt2, _given(input_ids=_ids(), pixel_values=drawn))


def test_a_class_that_takes_no_cache_keeps_nothing() -> None:
    forgetful = model("OpenAIGPT", n_embd=16, n_layer=2, n_head=2, n_positions=32)
    assert not keeps(forgetful, _given(input_ids=_ids()))


def test_what_is_remembered_outside_of_a_cache_is_not_kept(
    gpt2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpt2.transformer, "rope_deltas", None, raising=False)
    assert not keeps(gpt2, _given(input_ids=_ids()))


def test_a_step_that_is_read_in_another_way_is_found(gpt2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = gpt2.forward

    def shifted(input_ids: Any, **given: Any) -> Any:
        return plain(input_ids=input_ids + (input_ids.shape[1] == 1), **given)

    monkeypatch.setattr(gpt2, "forward", shifted)
    assert not keeps(gpt2, _given(input_ids=_ids()))


def test_what_is_written_is_of_the_kind_that_its_class_says() -> None:
    import torch
    from transformers import PaliGemmaConfig, PaliGemmaForConditionalGeneration

    torch.manual_seed(0)
    text = {
        "model_type": "gemma",
        "vocab_size": 32,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
    }
    vision = {"model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 32}
    seen = {"num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 16, "patch_size": 8}
    config = PaliGemmaConfig(
        image_token_index=3, projection_dim=16, text_config=text, vision_config={**vision, **seen}
    )
    pali = PaliGemmaForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in pali.parameters():
            parameter.mul_(4.0)  # as they are drawn, which tokens are read hardly matters
    asked = torch.zeros_like(_ids())  # what a model is asked is of kind 0, and what it writes of kind 1
    assert keeps(pali, _given(input_ids=_ids(), attention_mask=_seen(), token_type_ids=asked))
