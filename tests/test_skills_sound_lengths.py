"""Lengths and distances of sounds that are counted in tensors are those that transformers asks for."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import EncodecConfig, EncodecModel, FastSpeech2ConformerConfig, SEWConfig, SEWDConfig
from transformers.models.fastspeech2_conformer import modeling_fastspeech2_conformer as speech
from transformers.models.moonshine.modeling_moonshine import MoonshinePreTrainedModel
from transformers.models.seamless_m4t.modeling_seamless_m4t import SeamlessM4TConformerRelPositionalEmbedding
from transformers.models.sew.modeling_sew import SEWEncoder
from transformers.models.sew_d.modeling_sew_d import SEWDEncoder
from transformers.models.wav2vec2_bert.modeling_wav2vec2_bert import Wav2Vec2BertRelPositionalEmbedding
from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import (
    Wav2Vec2ConformerRelPositionalEmbedding,
)

from ipfs_accelerate_py.skills import rewrites
from ipfs_accelerate_py.skills.sound_lengths import by_counting

_SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}


@pytest.mark.parametrize("length", [4, 7, 9, 10, 11])
@pytest.mark.parametrize(("made", "config"), [(SEWEncoder, SEWConfig), (SEWDEncoder, SEWDConfig)])
def test_as_many_states_come_back_as_were_given(made: Any, config: Any, length: int) -> None:
    torch.manual_seed(0)
    config = config(**_SIZES, squeeze_factor=2)
    config._attn_implementation = "eager"
    encoder = made(config).eval()
    frames = torch.randn(2, length, 16)
    heard = torch.arange(length) < torch.tensor([[length], [length - 1]])
    with torch.no_grad():
        want = encoder(frames.clone(), heard).last_hidden_state
        with rewrites.traced():
            got = encoder(frames.clone(), heard).last_hidden_state
    assert torch.equal(got, want)
    assert got.shape[1] == length


def test_a_traced_codec_gives_as_much_sound_as_it_is_given() -> None:
    torch.manual_seed(0)

    class Codec(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
        def __init__(self) -> None:
            super().__init__()
            self.model = EncodecModel(
                EncodecConfig(hidden_size=16, num_filters=2, codebook_dim=16, codebook_size=32)
            )

        def forward(self, sound: torch.Tensor, mask: torch.Tensor) -> Any:
            return self.model(sound, mask).audio_values

    codec = Codec().eval()
    with torch.no_grad(), rewrites.traced(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that tracing is old, and what it traced
        traced = torch.jit.trace(
            codec, (torch.randn(1, 1, 1600), torch.ones(1, 1600).long()), check_trace=False
        )
    for length in (1600, 2000, 641):
        sound, mask = torch.randn(1, 1, length), torch.ones(1, length).long()
        with torch.no_grad():
            got, want = traced(sound, mask), codec(sound, mask)
        assert got.shape[-1] == length
        assert torch.allclose(got, want, atol=1e-5)  # orders of summing differ


@given(st.integers(1000, 100_000))
def test_convolutions_leave_what_transformers_says(samples: int) -> None:
    count: Any = MoonshinePreTrainedModel._get_feat_extract_output_lengths
    want = count(None, samples)
    with by_counting():
        rewritten: Any = MoonshinePreTrainedModel._get_feat_extract_output_lengths
        assert int(rewritten(None, torch.tensor(samples))) == want


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=3),
    st.sampled_from([1.0, 0.5, 2.0]),
)
def test_embeddings_last_as_long_as_those_of_transformers(lasting: list[list[int]], pace: float) -> None:
    embeddings = torch.arange(len(lasting) * 6.0).reshape(-1, 3, 2) + 1
    usual, rewritten = torch.tensor(lasting), torch.tensor(lasting)
    want = speech.length_regulator(embeddings, usual, pace)
    with by_counting():
        got = speech.length_regulator(embeddings, rewritten, pace)
    assert torch.equal(got, want)
    assert torch.equal(rewritten, usual)  # durations that are all zero are changed, by both


def test_nothing_is_said_at_no_pace() -> None:
    with rewrites.traced(), pytest.raises(ValueError, match="greater than 0"):
        speech.length_regulator(torch.zeros(1, 1, 1), torch.ones(1, 1).long(), 0.0)


@pytest.mark.parametrize("length", [1, 5, 6, 12])
@pytest.mark.parametrize(
    "made",
    [
        SeamlessM4TConformerRelPositionalEmbedding,
        Wav2Vec2BertRelPositionalEmbedding,
        Wav2Vec2ConformerRelPositionalEmbedding,
    ],
)
def test_distances_are_those_of_transformers_and_no_table_grows(made: Any, length: int) -> None:
    known, fresh = (
        made(SimpleNamespace(max_source_positions=6, hidden_size=8)),
        made(SimpleNamespace(max_source_positions=6, hidden_size=8)),
    )
    sound = torch.zeros(2, length, 8)
    with rewrites.traced():
        got = fresh(sound)
    assert torch.allclose(got, known(sound), rtol=0, atol=1e-6)
    assert fresh.pe.shape == (1, 11, 8)


def test_what_goes_with_the_distances_stays() -> None:
    module = speech.FastSpeech2ConformerRelPositionalEncoding(
        FastSpeech2ConformerConfig(hidden_size=8), {"positional_dropout_rate": 0.1}
    ).eval()
    sound = torch.randn(2, 9, 8)
    want = module(sound)
    with rewrites.traced():
        got = module(sound)
    assert torch.equal(got[0], want[0])
    assert torch.allclose(got[1], want[1], rtol=0, atol=1e-6)
