"""Attention within a window of neighbours, computed while a graph is traced.

Longformer and LED cut a text into chunks as long as the window, which fills it up to a multiple of that length: how
many there are is a number of Python, and an export keeps it. What a token sees is the same where all is compared with
all, and what lies outside of the window is hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from ipfs_accelerate_py.skills.replacing import in_classes, replaced

_ATTENTION: Final = ("LongformerSelfAttention", "LEDEncoderSelfAttention")
_FILLS_UP: Final = "_pad_to_window_size"


@contextmanager
def by_band() -> Iterator[None]:
    """Within this, tokens look at all tokens through a band, and no text is filled up.

    Tokens that see the whole text (those of a question) are computed as the class has it.
    """
    wholes = {name: of for name in _ATTENTION for of, _, _ in in_classes({name: None}, "forward")}
    forwards = [(of, "forward", _banded(of.forward)) for of in wholes.values()]
    fillers = [
        *in_classes({"LongformerModel": lambda self, **given: (0, *_in_order(given))}, _FILLS_UP),
        *in_classes({"LEDEncoder": lambda self, **given: (0, *_in_order(given))}, _FILLS_UP),
    ]
    with replaced(*forwards, *fillers):
        yield


def _in_order(given: dict[str, Any]) -> tuple[Any, ...]:
    names = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds")
    return tuple(given[name] for name in names if name in given)


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
