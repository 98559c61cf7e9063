"""PyTorch's side of rows of bands: which frames of a model's output have sound in them."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_py.skills.arrays import Module
from ipfs_accelerate_py.skills.eager import Pooling, frame_mask, pool


def row_mask(model: Module, mask: Any, frames: int) -> Any:
    """Return 1 for each of the `frames` that `model` makes of what `mask` (sounds, rows) shows: (sounds, frames).

    A model whose convolutions make one frame of several rows knows itself how many it makes of so many.
    """
    shortened = getattr(model, "_get_subsampling_output_length", None)
    if shortened is None:
        return frame_mask(model, mask, frames)
    import torch

    counts = shortened(mask.sum(1)).to(torch.int64)
    return (torch.arange(frames, device=mask.device) < counts.unsqueeze(1)).to(mask.dtype)


def heard_mean(model: Module, hidden: Any, mask: Any) -> Any:
    """Return the mean of `hidden` (sounds, frames, width) over the frames that have sound in them, (sounds, width)."""
    return pool(hidden, row_mask(model, mask, hidden.shape[1]), Pooling())
