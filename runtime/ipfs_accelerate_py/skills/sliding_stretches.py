"""Stretches that slide over an axis and overlap, taken by their places while a graph is traced.

`unfold` of a tensor the exporters know only where the axis has the size of their example: blocks of sounds with what is
around them (`models/gemma4`), and patches of bytes (`models/blt`), were as many as there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import replaced


@contextmanager
def by_place() -> Iterator[None]:
    """Within this, `unfold` gathers, of each stretch, the places that are in it."""
    import torch

    with replaced((torch.Tensor, "unfold", _gathered)):
        yield


def _gathered(tensor: Any, dimension: int, size: int, step: int) -> Any:
    """Return the stretches of `size` that begin at every `step`, their places along a new last axis."""
    import torch

    axis = dimension % tensor.dim()
    length = torch.arange(tensor.shape[axis])
    starts = length[: length.shape[0] - size + 1][::step]
    places = starts.unsqueeze(1) + torch.arange(size)
    found = tensor.index_select(axis, places.flatten().to(tensor.device))
    found = found.unflatten(axis, (-1, size))
    before, after = range(axis + 1), range(axis + 2, found.dim())
    return found.permute(*before, *after, axis + 1)
