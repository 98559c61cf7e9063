"""Recurrences token by token are those that transformers computes by chunks, and traced they are loops."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from transformers.models.kimi_linear import modeling_kimi_linear as kimi
from transformers.models.mamba import modeling_mamba as mamba
from transformers.models.qwen3_next import modeling_qwen3_next as qwen

from ipfs_accelerate_py.skills.recurrences import token_by_token

_ROUNDED = 1e-4  # both are sums in float32, in different orders, behind up to 70 tokens


def _delta(tokens: int, *, channels: bool, key_heads: int = 2) -> dict[str, Any]:
    random = torch.Generator().manual_seed(tokens)
    kept = (2, tokens, 2, 4) if channels else (2, tokens, 2)
    return {
        "query": torch.randn(2, tokens, key_heads, 4, generator=random),
        "key": torch.randn(2, tokens, key_heads, 4, generator=random),
        "value": torch.randn(2, tokens, 2, 3, generator=random),
        "g": -torch.rand(kept, generator=random),
        "beta": torch.rand(2, tokens, 2, generator=random),
        "initial_state": torch.randn(2, 2, 4, 3, generator=random),
        "output_final_state": True,
        "use_qk_l2norm_in_kernel": True,
    }


@pytest.mark.parametrize("tokens", [1, 5, 70])
@pytest.mark.parametrize("key_heads", [1, 2])
def test_the_gated_delta_rule_is_that_of_transformers(tokens: int, key_heads: int) -> None:
    given = _delta(tokens, channels=False, key_heads=key_heads)
    want = qwen.torch_chunk_gated_delta_rule(**given)
    with token_by_token():
        got = qwen.torch_chunk_gated_delta_rule(**given)
        single = qwen.torch_recurrent_gated_delta_rule(**given)
    for found in (got, single):
        for one, other in zip(found, want, strict=True):
            assert torch.allclose(one, other, rtol=0, atol=_ROUNDED)


@pytest.mark.parametrize("tokens", [1, 5, 70])
def test_a_delta_rule_that_keeps_by_channel_is_that_of_transformers(tokens: int) -> None:
    given = _delta(tokens, channels=True)
    want = kimi.chunk_kimi_delta_attention(**given)
    with token_by_token():
        got = kimi.chunk_kimi_delta_attention(**given)
    for one, other in zip(got, want, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=_ROUNDED)


def test_without_a_state_it_begins_with_zeros() -> None:
    given = _delta(5, channels=False)
    zeros = torch.zeros_like(given["initial_state"])
    with token_by_token():
        begun = qwen.torch_chunk_gated_delta_rule(**{**given, "initial_state": None})[0]
        held = qwen.torch_chunk_gated_delta_rule(**{**given, "initial_state": zeros})[0]
    assert torch.equal(begun, held)


@pytest.mark.parametrize("tokens", [1, 6])
def test_a_selective_scan_is_that_of_transformers(tokens: int) -> None:
    random = torch.Generator().manual_seed(tokens)

    def tensor(*sizes: int) -> Any:
        return torch.randn(*sizes, generator=random)

    given = {
        "hidden_states": tensor(2, 3, tokens),
        "dt": tensor(2, 3, tokens),
        "A": -torch.rand(3, 4, generator=random),
        "B": tensor(2, 4, tokens),
        "C": tensor(2, 4, tokens),
        "D": tensor(3),
        "z": tensor(2, 3, tokens),
        "delta_bias": tensor(3),
        "delta_softplus": True,
        "return_last_state": True,
    }
    want = mamba.mamba_selective_scan(**given)
    with token_by_token():
        got = mamba.mamba_selective_scan(**given)
    for one, other in zip(got, want, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=_ROUNDED)


def test_what_was_traced_with_few_tokens_takes_many(tmp_path: Any) -> None:
    names = ["query", "key", "value", "g", "beta", "initial_state"]

    class Rule(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
        def forward(self, *tensors: Any) -> Any:
            return qwen.torch_chunk_gated_delta_rule(
                **dict(zip(names, tensors, strict=True)), output_final_state=True
            )

    short, long = _delta(3, channels=False), _delta(70, channels=False)
    with token_by_token(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what was traced, and that tracing is the older way
        torch.onnx.export(
            Rule(),
            tuple(short[name] for name in names),
            tmp_path / "rule.onnx",
            dynamo=False,
            input_names=names,
            output_names=["found", "state"],
            dynamic_axes={name: {1: "tokens"} for name in names[:-1]},
            opset_version=17,
        )
    session = onnxruntime.InferenceSession(tmp_path / "rule.onnx")
    got = session.run(None, {name: long[name].numpy() for name in names})
    want = Rule()(*(long[name] for name in names))
    for one, other in zip(got, want, strict=True):
        assert np.abs(one - other.numpy()).max() <= _ROUNDED
