"""A cache laid open as tensors and filled again goes on as transformers' own does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Lfm2Config,
    Lfm2ForCausalLM,
    Mamba2Config,
    Mamba2ForCausalLM,
)

from ipfs_accelerate_py.errors import BundleError
from ipfs_accelerate_py.skills import kept
from ipfs_accelerate_py.skills.cache import once
from ipfs_accelerate_py.skills.engine_eager import empty_cache

_SIZES = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2}
_HEADS = {"num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 16}


def _sliding() -> Any:
    return Gemma2ForCausalLM(Gemma2Config(**_SIZES, **_HEADS, head_dim=8, sliding_window=4, pad_token_id=0))


def _windows() -> Any:
    kinds = ["conv", "full_attention"]
    return Lfm2ForCausalLM(Lfm2Config(**_SIZES, **_HEADS, layer_types=kinds, pad_token_id=0))


def _states() -> Any:
    settings = {"num_heads": 4, "head_dim": 8, "state_size": 8, "n_groups": 1, "chunk_size": 4, "expand": 2}
    return Mamba2ForCausalLM(Mamba2Config(**_SIZES, **settings))


@pytest.mark.parametrize("make", [_sliding, _windows, _states])
def test_a_cache_filled_again_goes_on_as_before(make: Any) -> None:
    torch.manual_seed(0)
    model = make().eval()
    name = "cache_params" if "Mamba" in type(model).__name__ else "past_key_values"
    first, then = torch.arange(18).reshape(2, 9), torch.arange(20, 26).reshape(2, 3)
    own, opened = empty_cache(model), kept.unbounded(empty_cache(model))
    with torch.no_grad():
        for cache in (own, opened):
            model(first, **{name: cache}, use_cache=True)
        filled = kept.fill(kept.unbounded(empty_cache(model)), kept.laid_open(opened))
        want = model(then, **{name: own}, use_cache=True).logits
        got = model(then, **{name: filled}, use_cache=True).logits
        without = model(then, **{name: empty_cache(model)}, use_cache=True).logits
    # The same operations in the same order; masks of another length change how sums are split, at 1e-7.
    assert torch.allclose(want, got, rtol=0, atol=1e-5)
    assert not torch.allclose(want, without, rtol=0, atol=1e-3)


def test_states_of_zeros_are_an_empty_cache() -> None:
    torch.manual_seed(0)
    model = _states().eval()
    ids, cache = torch.arange(18).reshape(2, 9), kept.unbounded(empty_cache(model))
    with torch.no_grad():
        want = model(ids, cache_params=cache, use_cache=True).logits
        zeros = {name: torch.zeros_like(tensor) for name, tensor in kept.laid_open(cache).items()}
        begun = kept.fill(kept.unbounded(empty_cache(model)), zeros)
        got = model(ids, cache_params=begun, use_cache=True).logits
    assert torch.allclose(
        want, got, rtol=0, atol=1e-5
    )  # the window is padded, or is zeros: sums of another length


def test_only_what_grows_has_an_axis_that_grows() -> None:
    names = ("past.0.keys", "past.0.values", "past.3.index", "past.1.window0", "past.1.state0")
    assert [kept.growing_axis(name) for name in names] == [2, 2, 1, None, None]


def test_a_layer_of_an_unknown_kind_is_named() -> None:
    class Strange:
        pass

    class Holding:
        layers = (Strange(),)

    with pytest.raises(BundleError, match="Strange"):
        kept.laid_open(Holding())


@pytest.mark.parametrize("make", [_windows, _states])
@pytest.mark.parametrize("length", [9, 2])  # longer than a window, and shorter
def test_what_layers_keep_first_is_what_they_would_copy(make: Any, length: int) -> None:
    torch.manual_seed(0)
    model = make().eval()
    name = "cache_params" if "Mamba" in type(model).__name__ else "past_key_values"
    ids = torch.arange(2 * length).reshape(2, length)
    usual, begun = empty_cache(model), once(empty_cache(model))
    with torch.no_grad():
        want = model(ids, **{name: usual}, use_cache=True).logits
        got = model(ids, **{name: begun}, use_cache=True).logits
    assert torch.equal(got, want)
    kept_by, as_usual = kept.laid_open(begun), kept.laid_open(usual)
    assert kept_by.keys() == as_usual.keys()
    assert all(torch.equal(tensor, as_usual[key]) for key, tensor in kept_by.items())
