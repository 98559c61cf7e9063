"""Recurrences that transformers writes as loops over tokens or chunks, written so that tracing keeps the loop.

A traced loop of Python is as many copies of its body as the example had turns. One that is scripted is a loop of the
graph, of as many turns as there are tokens. Each is the recurrence of its paper, one token at a time; what transformers
computes by chunks gives the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Final

from ipfs_accelerate_py.skills.replacing import in_models, replaced

_STATES: Final[ContextVar[Iterator[Any]]] = ContextVar("_STATES")


@contextmanager
def beginning(states: Sequence[Any]) -> Iterator[None]:
    """Within this, each selective scan begins with the next of `states`, and when there is none with zeros."""
    token = _STATES.set(iter(states))
    try:
        yield
    finally:
        _STATES.reset(token)


@contextmanager
def token_by_token() -> Iterator[None]:
    """Within this, the recurrences of all models that are loaded are loops of the graph."""
    functions: dict[str, Any] = {
        "mamba_selective_scan": _selective_scan,
        "torch_chunk_gated_delta_rule": _delta_rule,
        "torch_recurrent_gated_delta_rule": _delta_rule,
        "chunk_kimi_delta_attention": _delta_rule,
        "recurrent_kimi_delta_attention": _delta_rule,
    }
    with replaced(*in_models(functions)):
        yield


def _delta_rule(
    query: Any,
    key: Any,
    value: Any,
    g: Any,
    beta: Any,
    *,
    initial_state: Any = None,
    output_final_state: bool = False,
    use_qk_l2norm_in_kernel: bool = False,
    **_: Any,
) -> tuple[Any, Any]:
    """Return what the gated delta rule gives, (rows, tokens, heads, width), and its last state.

    `query` and `key` are (rows, tokens, key heads, key width), `value` (rows, tokens, heads, width), `beta` (rows,
    tokens, heads) how much of each token is learned, and `g` the logarithm of what is kept: of each head, or with one
    more axis of each channel of the key (transformers' `models/qwen3_next` and `models/kimi_linear`).
    """
    import torch

    kind = query.dtype
    query, key, value, g, beta = (each.float() for each in (query, key, value, g, beta))
    if use_qk_l2norm_in_kernel:
        query, key = (
            each * torch.rsqrt((each * each).sum(dim=-1, keepdim=True) + 1e-6) for each in (query, key)
        )
    if (shared := value.shape[2] // key.shape[2]) > 1:
        query, key = (each.repeat_interleave(shared, dim=2) for each in (query, key))
    query = query * query.shape[-1] ** -0.5
    kept = (g if g.dim() == key.dim() else g.unsqueeze(-1)).exp()
    if initial_state is None:
        initial_state = key[:, 0].unsqueeze(-1) * value[:, 0].unsqueeze(-2) * 0.0
    found, state = _loops()[0](query, key, value, kept, beta.unsqueeze(-1), initial_state.float())
    return found.to(kind), state if output_final_state else None


def _selective_scan(  # noqa: PLR0917  # as transformers calls it, and by its names
    hidden_states: Any,
    dt: Any,
    A: Any,  # noqa: N803
    B: Any,  # noqa: N803
    C: Any,  # noqa: N803
    D: Any = None,  # noqa: N803
    z: Any = None,
    *,
    delta_bias: Any = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    **_: Any,
) -> Any:
    """Return what a selective scan gives, (rows, channels, tokens), and where it is asked for the last state.

    `hidden_states` and `dt`, the steps, are (rows, channels, tokens), `A` is (channels, states), `B` and `C` are (rows,
    states, tokens) (transformers' `models/mamba`).
    """
    import torch

    kind = hidden_states.dtype
    steps = dt if delta_bias is None else dt + delta_bias.to(dt.dtype).unsqueeze(-1)
    steps = torch.nn.functional.softplus(steps) if delta_softplus else steps
    kept = torch.exp(A * steps.transpose(1, 2).unsqueeze(-1)).float()
    new = ((steps * hidden_states).transpose(1, 2).unsqueeze(-1) * B.transpose(1, 2).unsqueeze(2)).float()
    state = next(_STATES.get(iter(())), None)
    state = new[:, 0] * 0.0 if state is None else state.float()
    found, state = _loops()[1](kept, new, C.transpose(1, 2).float(), state)
    found = found.transpose(1, 2).to(kind)
    if D is not None:
        found = found + hidden_states * D[None, :, None]
    if z is not None:
        found = found * torch.nn.functional.silu(z)
    found = found.to(kind)
    return (found, state) if return_last_state else found


@cache
def _loops() -> tuple[Any, Any]:
    """Return the two loops, scripted."""
    import torch

    def delta_rule(  # noqa: PLR0917  # a scripted function is called by position
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        kept: torch.Tensor,
        share: torch.Tensor,
        state: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        found = []
        for token in range(key.size(1)):
            here = key[:, token].unsqueeze(-1)
            state = state * kept[:, token].unsqueeze(-1)
            known = (state * here).sum(-2)
            state = state + here * ((value[:, token] - known) * share[:, token]).unsqueeze(-2)
            found.append((state * query[:, token].unsqueeze(-1)).sum(-2))
        return torch.stack(found, 1), state

    def selective_scan(
        kept: torch.Tensor, new: torch.Tensor, reading: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        found = []
        for token in range(kept.size(1)):
            state = kept[:, token] * state + new[:, token]
            found.append((state * reading[:, token].unsqueeze(1)).sum(-1))
        # Not along the last axis, which OpenVINO 2026.4 converts to another one.
        return torch.stack(found, 1), state

    with warnings.catch_warnings():
        # PyTorch would rather compile; tracing knows no other loop.
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(delta_rule), torch.jit.script(selective_scan)
