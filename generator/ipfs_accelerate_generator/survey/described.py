"""The tensors of a head as a spec can hold them: their sizes, which are free, and numbers that others depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ipfs_accelerate_generator.survey.rules.table import LITERAL
from ipfs_accelerate_generator.tensor import Tensor

READ: Final = frozenset({"input_ids", "attention_mask", "token_type_ids", "decoder_input_ids"})
"""Inputs that every tokenizer makes of a text; a head of these alone needs no tensors."""

_Made = Mapping[str, Any]


def described(
    made: _Made,
    longer: _Made | None,
    more: _Made | None,
    *,
    whole: bool = False,
    literal: frozenset[str] = LITERAL,
    texts: bool = False,
) -> tuple[Tensor, ...]:
    """Return `made` as a spec says it, with the numbers of what is `literal`.

    It is () where a tokenizer makes them all, unless `texts` are given as arrays, too.

    A picture or a sound is described as well: whether its processor is proved depends on what was written since.

    `longer` are the same inputs at another length and `more` in a larger batch, None where the head takes no other:
    what is of another size there is free. Numbers that say something about the others tie them: more rows where they
    change are then no proof, except in `whole` calls, where they are given with the others. At another length they are
    told as well, so that a test has both.
    """
    if READ.issuperset(made) and not texts:
        return ()
    free: dict[str, set[int]] = {name: set() for name in made}
    for other in (longer, more):
        if other is None or (
            other is more
            and not whole
            and any(_tied(made[name], other[name]) for name in literal.intersection(made))
        ):
            continue
        for name, tensor in made.items():
            sizes = zip(tensor.shape, other[name].shape, strict=True)
            free[name] |= {axis for axis, (size, another) in enumerate(sizes) if size != another}
    second = longer or {}
    if (
        whole
        or not any(_tied(made[name], second[name]) for name in literal.intersection(second))
        or all(made[name].shape == other.shape for name, other in second.items())
    ):
        second = {}
    return tuple(
        _tensor(name, tensor, second.get(name), tuple(sorted(free[name])), literal=name in literal)
        for name, tensor in made.items()
    )


def _tied(tensor: Any, other: Any) -> bool:
    if tensor.shape == other.shape and bool((tensor == other).all()):
        return False
    rows = other[: len(tensor)] if tensor.dim() else other  # more rows that say the same are free
    return rows.shape != tensor.shape or bool((rows != tensor).any())


def _tensor(name: str, tensor: Any, other: Any, vary: tuple[int, ...], *, literal: bool) -> Tensor:
    import torch

    resized: dict[str, Any] = {}
    if other is not None and other.shape != tensor.shape:
        resized["other_shape"] = tuple(other.shape)

    def said(dtype: str, **more: Any) -> Tensor:
        return Tensor(name=name, dtype=dtype, shape=tuple(tensor.shape), vary=vary, **resized, **more)

    if tensor.is_floating_point():
        if tensor.numel() and (tensor.min() >= 0).all():  # shares, or numbers of rows and columns
            low, high = int(tensor.min().floor()), int(tensor.max().ceil())
            return said("float32", low=low, high=max(high, low + 1))
        return said("float32")
    if literal and tensor.dim():
        others = {} if other is None else {"other_values": other.long().tolist()}
        return said("int64", values=tensor.long().tolist(), **others)
    low, high = (int(tensor.min()), int(tensor.max())) if tensor.numel() else (0, 0)
    if name.endswith("mask"):  # one that hides something is the survey's control; a test sees everything
        low = high
    if tensor.dtype == torch.bool:
        return said("bool", low=low, high=high + 1)
    return said("int64", low=low, high=high + 1)
