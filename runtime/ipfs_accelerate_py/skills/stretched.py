"""Inputs of other sizes for a graph whose samples all have the same: an export is compared on these, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from ipfs_accelerate_py.skills.arrays import Module

# Axes may be tied to each other, as a sound is to its mask, so all change alike. Doubled and halved, what is a multiple
# of something mostly stays one; a table of places may end before the double.
_LONGER: Final = (lambda size: 2 * size, lambda size: size + 1)
_SHORTER: Final = (lambda size: max(size // 2, 1), lambda size: max(size - 1, 1))
REFUSALS: Final = (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError)
"""What a model raises at numbers or sizes that it does not take."""

Tensors = Sequence[Any]


def stretched(
    graph: Module, samples: Sequence[Tensors], open_axes: Sequence[Sequence[int]]
) -> Iterator[tuple[Any, ...]]:
    """Yield longer tensors and shorter ones, as PyTorch takes them; none where `samples` differ in their lengths.

    `samples` are what `graph` is given, each in the order of its inputs; `open_axes` are the axes that vary, of each.
    Axis 0 is the row and keeps its size.
    """
    import torch

    lengths = [[axis for axis in axes if axis] for axes in open_axes]
    if len({_sizes(tensors, lengths) for tensors in samples}) > 1:
        return
    for changes in (_LONGER, _SHORTER):
        for change in changes:
            tensors = _changed(samples[0], lengths, change)
            if _sizes(tensors, lengths) == _sizes(samples[0], lengths):
                continue
            try:
                with torch.no_grad():
                    outputs = graph(*(tensor.clone() for tensor in tensors))
            except REFUSALS:
                continue
            if all(bool(torch.isfinite(output).all()) for output in outputs):
                yield tensors
                break


def _sizes(tensors: Tensors, lengths: Sequence[Sequence[int]]) -> tuple[int, ...]:
    return tuple(tensor.shape[axis] for tensor, axes in zip(tensors, lengths, strict=True) for axis in axes)


def _changed(
    tensors: Tensors, lengths: Sequence[Sequence[int]], change: Callable[[int], int]
) -> tuple[Any, ...]:
    """Return `tensors` with other sizes along `lengths`, every number in its relative place, as a mask's may matter."""
    import torch

    found = []
    for tensor, axes in zip(tensors, lengths, strict=True):
        changed = tensor
        for axis in axes:
            old, new = tensor.shape[axis], change(tensor.shape[axis])
            changed = changed.index_select(axis, torch.arange(new) * old // max(new, 1))
        found.append(changed.contiguous())
    return tuple(found)
