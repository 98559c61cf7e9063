"""What towers make of a square of patches, or of its frames, done for those of all pictures at once.

transformers does it picture by picture, with the numbers of its grid (`models/video_llama_3`, `models/kimi_k25`,
`models/minicpmv4_6`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import Patches, numbered, starts_of, whole
from ipfs_accelerate_py.skills.replacing import around, classes_with, in_classes, in_models, replaced


@contextmanager
def by_squares() -> Iterator[None]:
    """Within this, such towers ask no grid for its numbers."""
    with replaced(
        *in_classes({"VideoLlama3VisionModel": _shrunk}, "pixel_unshuffle"),
        *in_models({"get_vision_temporal_merge_index": _merging}),
        *around({"Molmo2Model": as_many_as_told}, "get_image_features"),
        *((kind, "forward", _repeated(kind.forward)) for kind in classes_with("forward") if _repeats(kind)),
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


def _repeats(kind: Any) -> bool:
    """Return whether a class merges what it has merged, as often as its configuration says."""
    return "merger_times" in getattr(kind.forward, "__code__", _repeats.__code__).co_names


def _repeated(usual: Any) -> Any:
    def forward(self: Any, hidden_states: Any, target_sizes: Any) -> list[Any]:
        """Return one vector for each square of squares of patches, those of all pictures one behind the other."""
        import torch

        side, other = self.merge_kernel_size
        if side != other:
            found: list[Any] = usual(self, hidden_states, target_sizes)
            return found
        grids = torch.nn.functional.pad(target_sizes, (1, 0), value=1)
        vectors = hidden_states[0]
        for turn in range(self.merger_times):
            vectors = self.mlp[turn](
                vectors[in_squares(grids, side)].reshape(-1, side * side * vectors.shape[-1])
            )
            grids = torch.cat([grids[:, :1], whole(grids[:, 1:], side)], dim=1)
        return [vectors]

    return forward


def in_squares(grids: Any, side: int) -> Any:
    """Return the numbers of the patches, which come row by row, with those of one square side by side."""
    at = Patches(grids, side)
    return at.start + (at.frame * grids[at.picture, 1] + at.row) * grids[at.picture, 2] + at.column


def as_many_as_told(usual: Any) -> Any:
    """Return the method that makes vectors of pictures, `usual`, of which those that grids count are taken.

    transformers refuses grids that count another number (`models/molmo2`). A graph that did not look at them would not.
    """

    def seen(self: Any, pixel_values: Any, image_token_pooling: Any, image_grids: Any, **given: Any) -> Any:
        import torch

        found = usual(self, pixel_values, image_token_pooling, image_grids, **given)
        squares = image_grids[:, 0] * image_grids[:, 1] + image_grids[:, 2] * image_grids[:, 3]
        found.pooler_output = (torch.cat(found.pooler_output)[torch.arange(squares.sum())],)
        return found

    return seen
