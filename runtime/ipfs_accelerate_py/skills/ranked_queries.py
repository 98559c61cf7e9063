"""Attention of the queries that matter most, told by their rank among all, so that a graph keeps no number of them.

Informer computes how many queries it keeps, and which, out of a length of Python (`models/informer`). Here all are
computed, and one that does not rank among the first has the mean of the values in place of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import around, replaced


@contextmanager
def by_rank() -> Iterator[None]:
    """Within this, queries are ranked by all keys.

    Informer draws the keys that it ranks by. Where that makes a difference, PyTorch's answer is another each time; a
    series short enough keeps all queries.
    """
    with replaced(*around({"InformerProbSparseAttention": _ranked}, "forward")):
        yield


def _ranked(usual: Any) -> Any:
    def forward(
        self: Any,
        hidden_states: Any,
        key_value_states: Any = None,
        past_key_values: Any = None,
        attention_mask: Any = None,
        **settings: Any,
    ) -> Any:
        import torch

        begun = past_key_values is not None and past_key_values.get_seq_length(self.layer_idx) > 0
        if key_value_states is not None or begun:
            return usual(self, hidden_states, key_value_states, past_key_values, attention_mask, **settings)
        rows, length, _ = hidden_states.shape
        query, key, value = (
            part(hidden_states).view(rows, length, self.num_heads, self.head_dim).transpose(1, 2)
            for part in (self.q_proj, self.k_proj, self.v_proj)
        )
        if past_key_values is not None:
            # What the decoder keeps of itself, as the class files it.
            kept = getattr(past_key_values, "self_attention_cache", past_key_values)
            key, value = kept.update(key, value, self.layer_idx)
        scores = (query * self.scaling) @ key.transpose(-1, -2)
        first = _first(scores.amax(-1) - scores.mean(-1), self.factor)
        weights = torch.softmax(scores if attention_mask is None else scores + attention_mask, dim=-1)
        usually = (
            value.float().cumsum(-2).to(value.dtype) if self.is_decoder else value.mean(-2, keepdim=True)
        )
        found = torch.where(first.unsqueeze(-1), weights @ value, usually)
        return self.out_proj(found.transpose(1, 2).reshape(rows, length, self.embed_dim)), weights

    return forward


def _first(matters: Any, factor: int) -> Any:
    """Return of each place along the last axis whether it is among those that matter most.

    Of a length, `factor` times its logarithm are.
    """
    import torch

    places = torch.arange(matters.shape[-1])
    one, other = matters.unsqueeze(-1), matters.unsqueeze(-2)
    before = (other > one) | ((other == one) & (places < places.unsqueeze(1)))
    most = torch.ceil(torch.log1p(torch.ones_like(places).sum().float())) * factor
    return before.sum(-1) < most
