"""States that decay token by token are those that transformers computes, and traced they are loops."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from transformers import RecurrentGemmaConfig, xLSTMConfig
from transformers.models.recurrent_gemma import modeling_recurrent_gemma as gemma
from transformers.models.rwkv import modeling_rwkv as rwkv
from transformers.models.xlstm import modeling_xlstm as xlstm

from ipfs_accelerate_py.skills.decaying_states import decayed_by_token

_ROUNDED = 1e-4  # both are sums in float32, in different orders, behind up to 70 tokens
_NAMES = ("time_decay", "time_first", "key", "value")


def _weighed(tokens: int) -> tuple[Any, ...]:
    random = torch.Generator().manual_seed(tokens)
    sizes = ((6,), (6,), (2, tokens, 6), (2, tokens, 6))
    return tuple(torch.randn(*each, generator=random) for each in sizes)


def _close(got: Any, want: Any) -> None:
    for one, other in zip(got, want, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=_ROUNDED)


@pytest.mark.parametrize("tokens", [1, 5, 70])
@pytest.mark.parametrize("continued", [False, True])
def test_what_rwkv_sees_is_that_of_transformers(tokens: int, continued: bool) -> None:
    given = _weighed(tokens)
    state = tuple(torch.rand(2, 6) for _ in range(3)) if continued else None
    want, last = rwkv.rwkv_linear_attention(*given, state=state, return_state=True)
    with decayed_by_token():
        got, held = rwkv.rwkv_linear_attention(*given, state=state, return_state=True)
        without = rwkv.rwkv_linear_attention(*given)
    _close((got, *held), (want, *last))
    assert without[1] is None


@pytest.mark.parametrize("tokens", [1, 5, 70])
@pytest.mark.parametrize("begins", [False, True])
def test_a_gated_unit_of_recurrent_gemma_is_that_of_transformers(tokens: int, begins: bool) -> None:
    torch.manual_seed(tokens)
    unit = gemma.RecurrentGemmaRglru(RecurrentGemmaConfig(lru_width=8, num_attention_heads=2))
    for weight in unit.parameters():
        torch.nn.init.normal_(weight)
    activations = torch.randn(2, tokens, 8)
    places = torch.arange(tokens).unsqueeze(0) + (0 if begins else 3)
    before = torch.randn(2, 8)
    with torch.no_grad():
        unit.recurrent_states = before
        want = unit(activations, places), unit.recurrent_states
        with decayed_by_token():
            unit.recurrent_states = before
            got = unit(activations, places), unit.recurrent_states
    _close(got, want)


@pytest.mark.parametrize("tokens", [1, 5, 70])
@pytest.mark.parametrize("continued", [False, True])
def test_the_matrices_of_xlstm_are_those_of_transformers(tokens: int, continued: bool) -> None:
    torch.manual_seed(tokens)
    settings = xLSTMConfig(chunk_size=16, autocast_kernel_dtype="float32")
    backend = xlstm.xLSTMBackend(settings)
    given = [torch.randn(2, 3, tokens, width) for width in (4, 4, 5)]
    gates = [torch.randn(2, 3, tokens) for _ in range(2)]
    states = (torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4), torch.rand(2, 3, 1)) if continued else ()
    want, last = backend(*given, *gates, *states)
    with decayed_by_token():
        got, held = backend(*given, *gates, *states)
    _close((got, *held), (want, *last))


def test_in_the_mode_of_training_xlstm_goes_on_as_it_was() -> None:
    backend = xlstm.xLSTMBackend(xLSTMConfig(mode="train", chunk_size=4, autocast_kernel_dtype="float32"))
    given = [torch.randn(1, 1, 8, 4) for _ in range(3)]
    gates = [torch.randn(1, 1, 8) for _ in range(2)]
    want = backend(*given, *gates, return_last_states=False)
    with decayed_by_token():
        got = backend(*given, *gates, return_last_states=False)
    assert torch.equal(got, want)


def test_what_was_traced_with_few_tokens_takes_many(tmp_path: Any) -> None:
    class Seen(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
        def forward(self, *tensors: Any) -> Any:
            return rwkv.rwkv_linear_attention(*tensors)[0]

    short, long = _weighed(3), _weighed(70)
    with decayed_by_token(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what was traced, and that tracing is the older way
        torch.onnx.export(
            Seen(),
            short,
            tmp_path / "seen.onnx",
            dynamo=False,
            input_names=list(_NAMES),
            output_names=["found"],
            dynamic_axes={"key": {1: "tokens"}, "value": {1: "tokens"}},
            opset_version=17,
        )
    session = onnxruntime.InferenceSession(tmp_path / "seen.onnx")
    feeds = {name: tensor.numpy() for name, tensor in zip(_NAMES, long, strict=True)}
    got = session.run(None, feeds)[0]
    assert np.abs(got - Seen()(*long).numpy()).max() <= _ROUNDED
