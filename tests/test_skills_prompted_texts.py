"""The mask of a text behind learned prompts is that of transformers, as truth values, at any length."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import CpmAntConfig
from transformers.models.cpmant import modeling_cpmant as cpmant

from ipfs_accelerate_py.skills.prompted_texts import masked_by_truth

_PROMPT = 3


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    config = CpmAntConfig(
        vocab_size=30,
        hidden_size=8,
        num_attention_heads=2,
        dim_head=4,
        dim_ff=8,
        num_hidden_layers=2,
        prompt_types=3,
        prompt_length=_PROMPT,
    )
    return cpmant.CpmAntModel(config).eval()


@pytest.mark.parametrize("tokens", [1, 4, 9])
def test_the_mask_is_that_of_transformers(model: Any, tokens: int) -> None:
    random = torch.Generator().manual_seed(tokens)
    sizes = (2, _PROMPT + tokens)
    ids = torch.zeros(sizes, dtype=torch.int32)
    span, context = (torch.randint(0, 2, sizes, generator=random, dtype=torch.int32) for _ in range(2))
    length = torch.tensor([tokens, max(tokens - 2, 0)], dtype=torch.int32)
    want = model._prepare_attention_mask(ids, span, context.bool(), length)
    numbers = model._prepare_attention_mask(ids, span, torch.ones_like(context), length)
    with masked_by_truth():
        got = model._prepare_attention_mask(ids, span, context, length)
        ones = model._prepare_attention_mask(ids, span, torch.ones_like(context), length)
    assert torch.equal(got, want.bool())
    assert torch.equal(ones, numbers.bool())


def test_what_the_model_gives_is_that_of_transformers(model: Any) -> None:
    ids = torch.tensor([[0, 0, 7, 8, 9], [4, 5, 6, 7, 8]])
    with torch.no_grad():
        want = model(ids).last_hidden_state
        with masked_by_truth():
            got = model(ids).last_hidden_state
    assert torch.allclose(got, want, rtol=0, atol=1e-6)
