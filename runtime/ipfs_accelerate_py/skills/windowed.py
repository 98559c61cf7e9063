"""Attention within a window of neighbours, computed while a graph is traced.

Longformer and LED cut a text into chunks as long as the window, which fills it up to a multiple of that length: how
many there are is a number of Python, and an export keeps it. What a token sees is the same where all is compared with
all, and what lies outside of the window is hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from ipfs_accelerate_py.skills.replacing import in_classes, replaced

_ATTENTION: Final = ("LongformerSelfAttention", "LEDEncoderSelfAttention")
_MODELS: Final = ("LongformerModel", "LEDEncoder")
# What they fill up, in the order in which they give it back.
_GIVEN: Final = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds")
_FILLS_UP: Final = "_pad_to_window_size"


@contextmanager
def by_band() -> Iterator[None]:
    """Within this, tokens look at all tokens through a band, and no text is filled up.

    That takes memory with the square of the length, where chunks take it with the length. Tokens that see the whole
    and are seen by all (the first of a text that is classified, those of a question) look once more, through weights
    of their own.
    """
    with replaced(*_each(_ATTENTION, "forward", _banded), *_each(_MODELS, _FILLS_UP, lambda _: _unfilled)):
        yield


def _each(
    classes: tuple[str, ...], method: str, otherwise: Callable[[Any], Any]
) -> list[tuple[Any, str, Any]]:
    """Return the places of `method` in `classes` that are loaded, each with what `otherwise` makes of its own."""
    owners = [owner for owner, _, _ in in_classes(dict.fromkeys(classes), method)]
    return [(owner, method, otherwise(getattr(owner, method))) for owner in owners]


def _unfilled(self: Any, *, pad_token_id: int, **given: Any) -> Any:
    """Give a text back as it is, with none of it filled up."""
    return (0, *(given[name] for name in _GIVEN if name in given))


def _banded(usual: Any) -> Any:
    def forward(
        self: Any, hidden_states: Any, *, attention_mask: Any, is_index_masked: Any, **more: Any
    ) -> Any:
        import torch

        if more.get("output_attentions"):
            return usual(
                self,
                hidden_states,
                attention_mask=attention_mask,
                is_index_masked=is_index_masked,
                **more,
            )
        rows, length, width = hidden_states.shape
        padding = is_index_masked[:, None, None, :]
        everywhere = attention_mask > 0
        places = torch.arange(length, device=hidden_states.device)
        far = (places[:, None] - places[None, :]).abs() > self.one_sided_attn_window_size
        hidden = padding | (far & ~everywhere[:, None, None, :])
        found = _seen(self, hidden_states, (self.query, self.key, self.value), hidden)
        found = found.masked_fill(is_index_masked[:, None, :, None], 0.0)
        if more.get("is_global_attn"):
            whole = (self.query_global, self.key_global, self.value_global)
            found = torch.where(
                everywhere[:, None, :, None], _seen(self, hidden_states, whole, padding), found
            )
        return (found.transpose(1, 2).reshape(rows, length, width),)

    return forward


def _seen(attention: Any, states: Any, parts: tuple[Any, Any, Any], hidden: Any) -> Any:
    """Return what each token sees, (rows, heads, length, width of a head), but for what is hidden from it."""
    import torch

    rows, length, _ = states.shape
    query, key, value = (
        part(states).view(rows, length, attention.num_heads, attention.head_dim).transpose(1, 2)
        for part in parts
    )
    scores = torch.matmul(query / attention.head_dim**0.5, key.transpose(-1, -2))
    scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
    return torch.matmul(torch.softmax(scores.float(), dim=-1).to(value.dtype), value)
