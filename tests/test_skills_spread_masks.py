"""Masks that are made of all places at once are those that transformers makes place by place."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import masking_utils

from ipfs_accelerate_py.skills.spread_masks import by_broadcasting

_LENGTHS = st.integers(1, 9)


def _mask(pattern: Any, padding: Any, blocks: Any) -> Any:
    seen = masking_utils.sdpa_mask(
        batch_size=padding.shape[0],
        q_length=padding.shape[1],
        kv_length=padding.shape[1],
        mask_function=masking_utils.or_masks(pattern, masking_utils.blockwise_overlay(blocks)),
        attention_mask=padding,
        allow_is_causal_skip=False,
        use_vmap=True,
    )
    assert seen is not None
    return seen


@given(st.integers(1, 3), _LENGTHS, st.integers(1, 4), st.integers(0, 9))
def test_joined_patterns_see_what_they_see_place_by_place(
    rows: int, length: int, window: int, seed: int
) -> None:
    draw = torch.Generator().manual_seed(seed)
    padding = torch.rand((rows, length), generator=draw) > 0.3
    blocks = torch.randint(-1, 2, (rows, length), generator=draw)
    pattern = masking_utils.sliding_window_causal_mask_function(window)
    want = _mask(pattern, padding, blocks)
    with by_broadcasting():
        got = _mask(pattern, padding, blocks)
    assert torch.equal(got, want)
    assert got.shape == (rows, 1, length, length)


def test_a_traced_mask_follows_other_lengths() -> None:
    class Masked(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
        def forward(self, padding: Any, blocks: Any) -> Any:
            return _mask(masking_utils.causal_mask_function, padding > 0, blocks)

    example = torch.ones(2, 5, dtype=torch.long), torch.zeros(2, 5, dtype=torch.long)
    with by_broadcasting(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that tracing is old, and what it traced
        traced = torch.jit.trace(Masked(), example, check_trace=False)
    padding, blocks = torch.tensor([[0, 1, 1, 1, 1, 1, 1]]), torch.tensor([[-1, -1, 0, 0, 0, -1, 1]])
    assert torch.equal(traced(padding, blocks), Masked()(padding, blocks))


def test_what_is_replaced_comes_back() -> None:
    usual = masking_utils._vmap_expansion_sdpa
    with by_broadcasting():
        assert masking_utils._vmap_expansion_sdpa is not usual
    assert masking_utils._vmap_expansion_sdpa is usual
