"""Scans of the first Mamba that go on from what their layers keep give what one token after the other gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import DynamicCache, MambaConfig, MambaForCausalLM, ZambaConfig, ZambaForCausalLM

from ipfs_accelerate_py.skills import kept
from ipfs_accelerate_py.skills.begun_scans import begun_with_states, forgets, token_by_token
from ipfs_accelerate_py.skills.recurrences import token_by_token as as_loops

_ROUNDED = 1e-4
_TINY: dict[str, Any] = {
    "vocab_size": 30,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "initializer_range": 0.4,
}


def _mamba() -> Any:
    return MambaForCausalLM(MambaConfig(**_TINY, state_size=4)).eval()


def _zamba() -> Any:
    kinds = ["linear_attention", "hybrid"] * 2
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "attention_head_dim": 16, "n_mamba_heads": 2}
    settings = _TINY | heads | {"num_hidden_layers": 4, "layers_block_type": kinds}
    return ZambaForCausalLM(ZambaConfig(**settings, attention_hidden_size=32, intermediate_size=32)).eval()


class _Decoder(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    def __init__(self, model: Any, begun: list[str]) -> None:
        super().__init__()
        self.model, self.begun = model, begun
        self.name = "cache_params" if isinstance(model, MambaForCausalLM) else "past_key_values"

    def forward(self, ids: Any, mask: Any, *past: Any) -> tuple[Any, ...]:
        cache = kept.unbounded(DynamicCache(config=self.model.config))
        kept.fill(cache, dict(zip(self.begun, past, strict=True)))
        given = {self.name: cache, "attention_mask": mask, "use_cache": True}
        logits = self.model(input_ids=ids, **given).logits[:, -1]
        return (logits, *(kept.laid_open(cache)[name] for name in self.begun))


def _begun(model: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a decoder, and what it takes: three ids behind four that were read."""
    torch.manual_seed(0)
    cache = DynamicCache(config=model.config)
    ids = torch.randint(5, 30, (2, 7))
    name = "cache_params" if isinstance(model, MambaForCausalLM) else "past_key_values"
    with torch.no_grad():
        model(
            input_ids=ids[:, :4], attention_mask=torch.ones_like(ids[:, :4]), use_cache=True, **{name: cache}
        )
    past = {name: tensor.clone() for name, tensor in kept.laid_open(cache).items()}
    mask = torch.ones((2, 3 if isinstance(model, MambaForCausalLM) else 7), dtype=torch.int64)
    return _Decoder(model, list(past)), (ids[:, 4:], mask, *past.values())


def _given(tensors: tuple[Any, ...]) -> list[Any]:
    return [tensor.clone() for tensor in tensors]  # transformers writes over some


@pytest.mark.parametrize("make", [_mamba, _zamba])
def test_several_tokens_are_read_as_one_after_the_other(make: Any) -> None:
    torch.manual_seed(0)
    model = make()
    assert forgets(model)
    decoder, given = _begun(model)
    with torch.no_grad():
        want = token_by_token(decoder, steps=2, given=2, outputs=1)(*_given(given))
        with as_loops(), begun_with_states():
            found = decoder(*_given(given))
        forgotten = decoder(*_given(given))
    for one, other in zip(found, want, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=_ROUNDED)
    assert not torch.allclose(forgotten[0], want[0], rtol=0, atol=100 * _ROUNDED)


def test_other_models_forget_nothing() -> None:
    assert not forgets(torch.nn.Linear(2, 2))
