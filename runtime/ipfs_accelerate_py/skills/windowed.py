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

    That takes memory with the square of the length, where chunks take it with the length. A text of which tokens see
    the whole (those of a question) is filled up and computed as the class has it.
    """
    with replaced(*_each(_ATTENTION, "forward", _banded), *_each(_MODELS, _FILLS_UP, _whole)):
        yield


def _each(
    classes: tuple[str, ...], method: str, otherwise: Callable[[Any], Any]
) -> list[tuple[Any, str, Any]]:
    """Return the places of `method` in `classes` that are loaded, each with what `otherwise` makes of its own."""
    owners = [owner for owner, _, _ in in_classes(dict.fromkeys(classes), method)]
    return [(owner, method, otherwise(getattr(owner, method))) for owner in owners]


def _whole(usual: Any) -> Any:
    """Return what fills a text up only where tokens see the whole of it: a mask says 2 of them."""

    def filled(self: Any, *, attention_mask: Any, pad_token_id: int, **given: Any) -> Any:
        if bool((attention_mask > 1).any()):
            return usual(self, attention_mask=attention_mask, pad_token_id=pad_token_id, **given)
        known = {**given, "attention_mask": attention_mask}
        return (0, *(known[name] for name in _GIVEN if name in known))

    return filled


def _banded(usual: Any) -> Any:
    def forward(
        self: Any, hidden_states: Any, *, attention_mask: Any, is_index_masked: Any, **more: Any
    ) -> Any:
        import torch

        if more.get("is_global_attn") or more.get("output_attentions"):
            return usual(
                self,
                hidden_states,
                attention_mask=attention_mask,
                is_index_masked=is_index_masked,
                **more,
            )
        rows, length, width = hidden_states.shape
        query, key, value = (
            part(hidden_states).view(rows, length, self.num_heads, self.head_dim).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        scores = torch.matmul(query / self.head_dim**0.5, key.transpose(-1, -2))
        least = torch.finfo(scores.dtype).min
        hidden = (attention_mask != 0)[:, None, None, :]
        places = torch.arange(length, device=scores.device)
        far = (places[:, None] - places[None, :]).abs() > self.one_sided_attn_window_size
        scores = scores.masked_fill(hidden | far, least)
        seen = torch.softmax(scores.float(), dim=-1).masked_fill(is_index_masked[:, None, :, None], 0.0)
        found = torch.matmul(seen.to(value.dtype), value)
        return (found.transpose(1, 2).reshape(rows, length, width),)

    return forward
