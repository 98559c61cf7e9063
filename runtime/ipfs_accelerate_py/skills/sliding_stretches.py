"""Stretches that slide over an axis, taken by their places while a graph is traced.

`unfold` of a tensor the exporters know only where the axis has the size of their example: blocks of sounds with what is
around them (`models/gemma4`), patches of bytes (`models/blt`), and pairs of frames (`models/granite_speech5`) were as
many as there.
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
    """Return the stretches of `size` that begin at every `step`, their places along a new last axis.

    Where none overlap, what is first in each, then what is second, and so on: ONNX takes the number of gathered ones
    for that of the example, where a later layer asks for it.
    """
    import torch

    axis = dimension % tensor.dim()
    if step == size:
        whole = tensor.shape[axis] // size * size
        others = (slice(None),) * axis
        return torch.stack([tensor[(*others, slice(first, whole, size))] for first in range(size)], dim=-1)
    length = torch.arange(tensor.shape[axis])
    starts = length[: length.shape[0] - size + 1][::step]
    places = starts.unsqueeze(1) + torch.arange(size)
    found = tensor.index_select(axis, places.flatten().to(tensor.device))
    found = found.unflatten(axis, (-1, size))
    before, after = range(axis + 1), range(axis + 2, found.dim())
    return found.permute(*before, *after, axis + 1)
