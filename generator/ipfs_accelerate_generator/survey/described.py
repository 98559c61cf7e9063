"""The tensors of a head as a spec can hold them: their sizes, which are free, and numbers that others depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ipfs_accelerate_generator.spec import Tensor
from ipfs_accelerate_generator.survey.rules.table import LITERAL

PROCESSED: Final = frozenset(
    {
        "input_ids",
        "attention_mask",
        "token_type_ids",
        "pixel_values",
        "pixel_mask",
        "input_values",
        "input_features",
        "is_longer",
        "decoder_input_ids",
        "bbox",
        "bool_masked_pos",
        "pixel_values_videos",
        "image_grid_thw",
        "image_sizes",
        "mm_token_type_ids",
    }
)
"""Inputs that processors make of a text, a picture or a sound; a head of these alone needs no tensors."""

_Made = Mapping[str, Any]


def described(
    made: _Made, longer: _Made, more: _Made | None, sizes: Mapping[str, tuple[str, ...]], idle: frozenset[str]
) -> tuple[Tensor, ...]:
    """Return `made` as a spec says it; () where processors make them all.

    `longer` are the same inputs at another length and `more` in a larger batch, None where the head takes no other:
    what is of another size there is free. Numbers that say something about the others tie them: where they change, too,
    nothing is free. `sizes` are those that a configuration states.
    """
    if PROCESSED.issuperset(made):
        return ()
    free: dict[str, set[int]] = {name: set() for name in made}
    for other in (longer, more):
        if other is None or any(_tied(name, made[name], other[name]) for name in made):
            continue
        for name, tensor in made.items():
            both = zip(tensor.shape, other[name].shape, strict=True)
            free[name] |= {axis for axis, (size, another) in enumerate(both) if size != another}
    return tuple(
        _tensor(
            name, tensor, tuple(sorted(free[name])), sizes=_told(sizes[name], free[name]), idle=name in idle
        )
        for name, tensor in made.items()
    )


def _told(sizes: tuple[str, ...], free: set[int]) -> tuple[str, ...]:
    told = tuple("" if axis in free else text for axis, text in enumerate(sizes))
    return told if any(told) else ()


def by_rows(made: _Made, answer: Any, more: _Made | None, larger: Any) -> bool:
    """Whether all inputs have the batch as their first axis and the output has it, too: each row stands alone."""
    if more is None or answer.dim() == 0:
        return False
    firsts = [(made[name], more[name]) for name in made] + [(answer, larger)]
    counts = {(one.shape[0], another.shape[0]) if one.dim() else (0, 0) for one, another in firsts}
    return len(counts) == 1 and all(one < another for one, another in counts)


def _tied(name: str, tensor: Any, other: Any) -> bool:
    if name not in LITERAL or (tensor.shape == other.shape and bool((tensor == other).all())):
        return False
    rows = other[: len(tensor)] if tensor.dim() else other  # more rows that say the same are free
    return rows.shape != tensor.shape or bool((rows != tensor).any())


def _tensor(name: str, tensor: Any, vary: tuple[int, ...], **told: Any) -> Tensor:
    import torch

    def said(dtype: str, **more: Any) -> Tensor:
        return Tensor(name=name, dtype=dtype, shape=tuple(tensor.shape), vary=vary, **told, **more)

    if tensor.is_floating_point():
        if tensor.numel() and (tensor.min() >= 0).all():  # shares, or numbers of rows and columns
            low, high = int(tensor.min().floor()), int(tensor.max().ceil())
            return said("float32", low=low, high=max(high, low + 1))
        return said("float32")
    if name in LITERAL and tensor.dim():
        return said("int64", values=tensor.long().tolist())
    low, high = (int(tensor.min()), int(tensor.max())) if tensor.numel() else (0, 0)
    if name.endswith("mask"):  # one that hides something is the survey's control; a test sees everything
        low = high
    if tensor.dtype == torch.bool:
        return said("bool", low=low, high=high + 1)
    return said("int64", low=low, high=high + 1)
