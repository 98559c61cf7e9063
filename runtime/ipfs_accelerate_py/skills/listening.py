"""Where a decoder listens, on PyTorch's side: the weights that chosen heads give to the places of the encoder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

from ipfs_accelerate_py.skills.arrays import Module
from ipfs_accelerate_py.skills.seq2seq import LISTENED

_TELLING = "telling"  # the name under which transformers knows the attention that also gives its weights
_kept = threading.local()  # several threads may run one model; `weights` is {module: weights} while one does


class Listening:
    """The cross attention of a model's decoder, watched: `heads` are (layer, head), those that the checkpoint names.

    The layers that have such a head compute more, at every step and whoever asks for times: the product of that head's
    queries and keys once again.
    """

    def __init__(self, model: Module, heads: Sequence[tuple[int, int]]) -> None:
        by_layer: dict[int, list[int]] = {}
        for layer, head in heads:
            by_layer.setdefault(layer, []).append(head)
        self._watched = [
            _watched(model.get_decoder().layers[layer].encoder_attn, chosen)
            for layer, chosen in by_layer.items()
        ]

    def beside(self, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what `compute` gives, and the weights of the heads, (rows, heads, new tokens, places)."""
        if not self._watched:
            return compute()
        import torch

        _kept.weights = {}
        try:
            outputs = compute()
            return {**outputs, LISTENED: torch.cat([_kept.weights[each] for each in self._watched], dim=1)}
        finally:
            _kept.weights = None


def _watched(attention: Module, heads: Sequence[int]) -> Module:
    """Return `attention`, which from now on keeps the weights of `heads` while somebody listens."""
    if hasattr(attention, "listened_heads"):  # a model may have several graphs
        return attention
    attention.listened_heads = list(heads)
    all_heads = attention.config._attn_implementation == "eager"  # which gives the weights of all its heads
    if not all_heads:
        from transformers import AttentionInterface

        AttentionInterface.register(_TELLING, _telling)
        attention.listened_base = attention.config._attn_implementation
        # Of this layer alone: the masks of others stay what they are.
        attention.config = copy(attention.config)
        attention.config._attn_implementation = _TELLING

    def keep(module: Module, _: Any, output: Any) -> None:
        if getattr(_kept, "weights", None) is not None:
            weights = output[1]
            _kept.weights[module] = weights[:, module.listened_heads] if all_heads else weights

    attention.register_forward_hook(keep)
    return attention


def _telling(
    module: Module,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    *,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Any, Any]:
    """Return what the layer's own attention does, and the weights of the chosen heads, (rows, heads, new, places)."""
    import torch
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    attend = ALL_ATTENTION_FUNCTIONS[module.listened_base]
    output, _ = attend(module, query, key, value, attention_mask, scaling=scaling, **others)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    shared = query.shape[1] // key.shape[1]  # heads that have their keys in common
    parts = []
    for head in module.listened_heads:  # slices, for a choice by a list would copy the keys
        place = head // shared
        parts.append(query[:, head : head + 1] @ key[:, place : place + 1].transpose(2, 3))
    scores = torch.cat(parts, dim=1) * scale
    if attention_mask is not None and attention_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    elif attention_mask is not None:
        scores = scores + attention_mask
    return output, scores.softmax(dim=-1)
