"""What towers make of a square of patches, or of its frames, done for those of all pictures at once.

transformers does it picture by picture, with the numbers of its grid (`models/video_llama_3`, `models/kimi_k25`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import Patches, numbered, starts_of, whole
from ipfs_accelerate_py.skills.replacing import in_classes, in_models, replaced


@contextmanager
def by_squares() -> Iterator[None]:
    """Within this, such towers ask no grid for its numbers."""
    with replaced(
        *in_classes({"VideoLlama3VisionModel": _shrunk}, "pixel_unshuffle"),
        *in_models({"get_vision_temporal_merge_index": _merging}),
    ):
        yield


def _shrunk(self: Any, hidden_states: Any, grid_thw: Any, merge_sizes: Any) -> Any:
    """Return one vector for each square of patches, which stand one behind the other, (squares, width).

    A grid that is shrunk by a whole number takes of each square the middle: where its side is even, between four.
    """
    patches = grid_thw[:, 0] * grid_thw[:, 1] * grid_thw[:, 2]
    picture, square = numbered(whole(patches, merge_sizes * merge_sizes))
    side = merge_sizes[picture]
    first = starts_of(patches)[picture] + square * side * side
    low, high = whole(side - 1, 2), whole(side, 2)
    corners = [hidden_states[first + down * side + right] for down in (low, high) for right in (low, high)]
    return (corners[0] + corners[1] + corners[2] + corners[3]) / 4


def _merging(grid_thw: Any, kernel_height: int, kernel_width: int, kwargs: Any = None) -> Any:
    """Return which patches become one vector, (vectors, frames, patches of a frame)."""
    import torch

    if kwargs is not None and (known := kwargs.pop("temporal_merge_index", None)) is not None:
        return known
    high, wide = whole(grid_thw[:, 1], kernel_height), whole(grid_thw[:, 2], kernel_width)
    at = Patches(torch.stack([torch.ones_like(high), high, wide], dim=1), 1)
    patches = grid_thw[:, 0] * grid_thw[:, 1] * grid_thw[:, 2]
    start = starts_of(patches)[at.picture]
    across, size = grid_thw[at.picture, 2], grid_thw[at.picture, 1] * grid_thw[at.picture, 2]
    first = start + at.row * kernel_height * across + at.column * kernel_width
    # All have as many frames as the first: vectors of unlike ones could not be stacked.
    frame = torch.arange(grid_thw[0, 0]).unsqueeze(1)
    inner = torch.arange(kernel_height * kernel_width)
    down, right = whole(inner, kernel_width), inner % kernel_width
    return first.reshape(-1, 1, 1) + frame * size.reshape(-1, 1, 1) + down * across.reshape(-1, 1, 1) + right
