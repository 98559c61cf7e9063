"""Complex numbers as pairs, and Fourier transforms as products, are what PyTorch computes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import Llama4VisionConfig
from transformers.models.llama4 import modeling_llama4 as llama4

from ipfs_accelerate_py.skills.complex_numbers import as_pairs

_ROUNDED = 1e-4  # of sums of some ten products in float32


def _close(got: Any, want: Any) -> bool:
    return bool(torch.allclose(got, want, rtol=0, atol=_ROUNDED))


def _signal(*sizes: int) -> Any:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("length", [1, 2, 7, 12])
def test_a_fourier_transform_along_two_axes_is_that_of_pytorch(length: int) -> None:
    signal = _signal(2, length, 5)
    want = torch.fft.fftn(signal, dim=(1, 2))
    with as_pairs():
        got = torch.fft.fftn(signal, dim=(1, 2))
    assert _close(got.real, want.real)
    assert _close(got.imag, want.imag)


@pytest.mark.parametrize("length", [2, 7, 12])
@pytest.mark.parametrize("count", [None, 6, 9])
def test_there_and_back_is_that_of_pytorch(length: int, count: int | None) -> None:
    def correlated(one: Any, other: Any) -> Any:
        first, second = (torch.fft.rfft(each, n=count, dim=1) for each in (one, other))
        return torch.fft.irfft(first * torch.conj(second), n=count or length, dim=1)

    one, other = _signal(2, length, 3), _signal(2, length, 3).flip(0)
    want = correlated(one, other)
    with as_pairs():
        assert _close(correlated(one, other), want)


def test_what_is_turned_is_what_pytorch_turns() -> None:
    def turned(vectors: Any, angles: Any) -> Any:
        turns = torch.polar(torch.ones_like(angles), angles)
        numbers = torch.view_as_complex(vectors.reshape(*vectors.shape[:-1], -1, 2))
        return torch.view_as_real(numbers * turns.unsqueeze(1).to(numbers.device)).flatten(3)

    vectors, angles = _signal(2, 3, 4, 6), _signal(2, 4, 3)
    want = turned(vectors, angles)
    with as_pairs():
        assert _close(turned(vectors, angles), want)


def test_complex_numbers_that_a_model_keeps_turn_pictures_as_before() -> None:
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "image_size": 8, "patch_size": 4}
    places = llama4.Llama4VisionRotaryEmbedding(Llama4VisionConfig(**sizes))
    patches = _signal(2, 5, 2, 8)  # four and the whole's, two heads
    want = llama4.vision_apply_rotary_emb(patches, patches.flip(1), places(patches))
    with as_pairs():
        turned = llama4.vision_apply_rotary_emb(patches, patches.flip(1), places(patches))
    assert _close(turned[0], want[0])
    assert _close(turned[1], want[1])
    assert not _close(want[0], patches)
