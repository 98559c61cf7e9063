"""Recurrences whose states decay token by token, written so that tracing keeps the loop.

Those of RWKV (`models/rwkv`), of RecurrentGemma (`models/recurrent_gemma`) and of xLSTM (`models/xlstm`). What
`recurrences` says of loops that are traced holds for them, too.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from ipfs_accelerate_py.skills.replacing import around, in_classes, in_models, replaced

_UNSEEN = -1e38  # the largest exponent of no tokens, as transformers has it


@contextmanager
def decayed_by_token() -> Iterator[None]:
    """Within this, the decaying states of all models that are loaded are loops of the graph."""
    with replaced(
        *in_models({"rwkv_linear_attention": _weighed}),
        *in_classes({"RecurrentGemmaRglru": _gated}, "_rnn_scan"),
        *around({"xLSTMBackend": _matrices}, "forward"),
    ):
        yield


def _weighed(  # noqa: PLR0917  # as transformers calls it
    time_decay: Any, time_first: Any, key: Any, value: Any, state: Any = None, return_state: bool = False
) -> tuple[Any, Any]:
    """Return what tokens see of those before them, weighed by how long ago they were, and the last state.

    `key` and `value` are (rows, tokens, channels). A state is a numerator, a denominator and the largest exponent so
    far, (rows, channels) each; both sums are kept divided by its power of e.
    """
    none = key[:, 0].float() * 0.0
    begun = (none, none, none + _UNSEEN) if state is None else tuple(state)
    found, *last = _loops()[0](-time_decay.exp(), time_first, key.float(), value, *begun)
    return found.to(key.dtype), last if return_state or state is not None else None


def _gated(
    _: Any,
    hidden_states: Any,
    recurrent_gate: Any,
    reset: Any,
    recurrent_states: Any,
    acc_dtype: Any = None,
) -> tuple[Any, Any]:
    """Return the states behind each token, (rows, tokens, channels), and the last of them.

    Where `reset` says that a text begins, nothing is left of the state before.
    """
    import torch

    kind = acc_dtype or torch.float32
    kept = (recurrent_gate * ~reset).to(kind)
    new = hidden_states.to(kind)
    # A state that a text before this one left would be the example's, with as many rows as it has.
    begins = recurrent_states is None or bool(reset[:, 0].all())
    state = new[:, 0] * 0.0 if begins else recurrent_states.to(kind)
    found, last = _loops()[1](kept, new, state)
    return found.to(hidden_states.dtype), last


def _matrices(usual: Any) -> Any:
    """Return xLSTM's recurrence in the mode in which it answers; in that of training it stays `usual`.

    There transformers takes as many chunks as a text fills, and a loop for what is left.
    """

    def forward(  # noqa: PLR0917  # as transformers has it
        self: Any,
        query: Any,
        key: Any,
        value: Any,
        igate: Any,
        fgate: Any,
        c_initial: Any = None,
        n_initial: Any = None,
        m_initial: Any = None,
        return_last_states: bool | None = None,
        mode: str | None = None,
    ) -> Any:
        import torch

        if "inference" not in (mode or self.config.mode):
            return usual(
                self,
                query,
                key,
                value,
                igate,
                fgate,
                c_initial,
                n_initial,
                m_initial,
                return_last_states,
                mode,
            )
        kind = getattr(torch, self.config.inference_state_dtype)
        first = key[:, :, 0].to(kind) * 0.0
        states = (
            (
                first.unsqueeze(-1) * value[:, :, 0].to(kind).unsqueeze(-2)
                if c_initial is None
                else c_initial.to(kind)
            ),
            first if n_initial is None else n_initial.to(kind),
            first[..., :1] if m_initial is None else m_initial.to(kind),
        )
        kept = torch.nn.functional.logsigmoid(fgate).unsqueeze(-1)
        scaled = query * query.shape[-1] ** -0.5
        found, *last = _loops()[2](scaled, key, value, igate.unsqueeze(-1), kept, *states, self.config.eps)
        return found.to(query.dtype), tuple(last)

    return forward


@cache
def _loops() -> tuple[Any, Any, Any]:
    """Return the three loops, scripted."""
    import torch

    def weighed(  # noqa: PLR0917  # a scripted function is called by position
        decay: torch.Tensor,
        first: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        above: torch.Tensor,
        below: torch.Tensor,
        most: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        found = []
        for token in range(key.size(1)):
            here, seen = key[:, token], value[:, token]
            largest = torch.maximum(most, here + first)
            old, new = torch.exp(most - largest), torch.exp(here + first - largest)
            found.append((old * above + new * seen) / (old * below + new))
            largest = torch.maximum(most + decay, here)
            old, new = torch.exp(most + decay - largest), torch.exp(here - largest)
            above = old * above + new * seen
            below = old * below + new
            most = largest
        return torch.stack(found, 1), above, below, most

    def gated(
        kept: torch.Tensor, new: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        found = []
        for token in range(kept.size(1)):
            state = kept[:, token] * state + new[:, token]
            found.append(state)
        return torch.stack(found, 1), state

    def matrices(  # noqa: PLR0917  # a scripted function is called by position
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        new: torch.Tensor,
        kept: torch.Tensor,
        state: torch.Tensor,
        norm: torch.Tensor,
        most: torch.Tensor,
        least: float,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        found = []
        for token in range(key.size(2)):
            here = key[:, :, token]
            largest = torch.maximum(kept[:, :, token] + most, new[:, :, token])
            old, share = torch.exp(kept[:, :, token] + most - largest), torch.exp(new[:, :, token] - largest)
            read = here.unsqueeze(-1) * value[:, :, token].unsqueeze(-2)
            state = old.unsqueeze(-1) * state + share.unsqueeze(-1) * read
            norm = old * norm + share * here
            most = largest
            asked = query[:, :, token]
            above = (asked.unsqueeze(-1) * state).sum(-2)
            below = (asked * norm).sum(-1, keepdim=True).abs()
            found.append(above / (torch.maximum(below, torch.exp(-most)) + least))
        return torch.stack(found, 2), state, norm, most

    with warnings.catch_warnings():
        # PyTorch would rather compile; tracing knows no other loop.
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(weighed), torch.jit.script(gated), torch.jit.script(matrices)
