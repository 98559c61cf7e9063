"""Queries told by their rank are those that Informer keeps, whatever it draws."""

from __future__ import annotations

import pytest
import torch
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.models.informer.modeling_informer import InformerProbSparseAttention

from ipfs_accelerate_py.skills.ranked_queries import by_rank


def _attention(factor: int, decodes: bool) -> InformerProbSparseAttention:
    torch.manual_seed(0)
    return InformerProbSparseAttention(8, 2, sampling_factor=factor, is_decoder=decodes, layer_idx=0).eval()


def _mask(length: int) -> torch.Tensor:
    return torch.full((length, length), torch.finfo(torch.float32).min).triu(1).expand(3, 1, -1, -1)


@pytest.mark.parametrize("decodes", [True, False])
@pytest.mark.parametrize("factor", [1, 2, 5])
@pytest.mark.parametrize("length", [1, 2, 7, 20])
def test_the_queries_that_matter_most_are_kept(
    length: int, factor: int, decodes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    attention = _attention(factor, decodes)
    states = torch.randn(3, length, 8)
    mask = _mask(length) if decodes else None
    # Each key once: what it ranks by then, where it draws some of them twice.
    monkeypatch.setattr(torch, "randint", lambda low, high, size: torch.arange(*size) + 0 * high)
    with torch.no_grad():
        want, _ = attention(states, attention_mask=mask)
        with by_rank():
            got, _ = attention(states, attention_mask=mask)
    torch.testing.assert_close(got, want, rtol=0, atol=1e-6)


def test_what_a_decoder_keeps_is_kept() -> None:
    attention = _attention(5, True)
    states = torch.randn(2, 4, 8)
    caches = [EncoderDecoderCache(DynamicCache(), DynamicCache()) for _ in range(2)]
    with torch.no_grad():
        want, _ = attention(states, past_key_values=caches[0])
        with by_rank():
            got, _ = attention(states, past_key_values=caches[1])
    torch.testing.assert_close(got, want, rtol=0, atol=1e-6)
    for one, other in zip(*(cache.self_attention_cache.layers for cache in caches), strict=True):
        assert torch.equal(one.keys, other.keys)
        assert torch.equal(one.values, other.values)
