"""Sounds that are cut by numbers of their frames are encoded as transformers encodes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import Phi4MultimodalAudioConfig
from transformers.models.phi4_multimodal.modeling_phi4_multimodal import (
    Phi4MultimodalAudioModel,
    adaptive_enc_mask,
)
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import AttentiveStatisticsPooling

from ipfs_accelerate_py.skills import rewrites
from ipfs_accelerate_py.skills.chunked_sounds import _seen


@pytest.fixture(scope="module")
def encoder() -> Phi4MultimodalAudioModel:
    torch.manual_seed(0)
    config = Phi4MultimodalAudioConfig(
        hidden_size=16,
        intermediate_size=16,
        num_blocks=2,
        num_attention_heads=2,
        ext_pw_out_channel=16,
        depthwise_separable_out_channel=16,
        nemo_conv_channels=16,
        input_size=8,
        chunk_size=4,
        left_chunk=2,
        initializer_range=0.5,
    )
    return Phi4MultimodalAudioModel._from_config(config, attn_implementation="eager").eval()


@pytest.mark.parametrize("length", [1, 63, 64, 250, 4001])
@pytest.mark.parametrize("masked", [True, False])
def test_sounds_of_any_length_are_encoded_alike(
    encoder: Phi4MultimodalAudioModel, length: int, masked: bool
) -> None:
    # Of more than one sound, transformers cuts none: it views what is not in one piece of memory.
    lengths = torch.tensor([(length + 1) // 2] if length > 4000 else [length, (length + 1) // 2])
    sounds = torch.randn(len(lengths), length, 8)
    heard = torch.arange(length) < lengths.unsqueeze(1)
    mask = heard if masked else None
    with torch.no_grad():
        want = encoder(sounds.clone(), mask)
        with rewrites.traced():
            got = encoder(sounds.clone(), mask)
    assert got.shape == want.shape
    torch.testing.assert_close(got, want, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("chunk", "before"), [(4, 0), (4, 2), (3, 18), (50, 1), (-1, 18)])
@pytest.mark.parametrize("length", [1, 4, 11])
def test_chunks_see_those_before_them(length: int, chunk: int, before: int) -> None:
    want = adaptive_enc_mask(length, np.arange(0, length, chunk), left_window=before)
    assert torch.equal(_seen(torch.arange(length), chunk, before), want)


def test_lengths_are_compared_alike() -> None:
    lengths = torch.tensor([3.0, 0.0, 5.0])
    for longest in (None, 5, 7):
        want = AttentiveStatisticsPooling._length_to_mask(None, lengths, longest, torch.float32)
        with rewrites.traced():
            got = AttentiveStatisticsPooling._length_to_mask(None, lengths, longest, torch.float32)
        assert torch.equal(got, want)
        assert got.dtype == want.dtype
