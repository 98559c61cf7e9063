"""Learned places on a square, read between its points by pictures of any size, without asking how large they are.

transformers resizes the square to the size of each picture, one after the other, with antialiasing: bilinear, from the
middles of the cells. It is linear and goes along one axis at a time, so each patch has a share of each row and of each
column of the square, and the shares come from numbers in tensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import Patches
from ipfs_accelerate_py.skills.replacing import in_classes, replaced


@contextmanager
def read_by_shares() -> Iterator[None]:
    """Within this, towers whose patches read their places between learned ones take pictures of any size."""
    functions = {
        "Siglip2VisionEmbeddings": staticmethod(_of_rows),
        "Cosmos3EdgeVisionEmbeddings": staticmethod(_of_packed),
    }
    with replaced(*in_classes(functions, "resize_positional_embeddings")):
        yield


def _of_rows(positional_embeddings: Any, spatial_shapes: Any, max_length: Any) -> Any:
    """Return the places of the patches of pictures in a row each, (pictures, `max_length`, width).

    A row that is longer than its picture ends with the first place (`models/siglip2/modeling_siglip2.py`).
    """
    import torch

    high, wide = spatial_shapes[:, :1], spatial_shapes[:, 1:]
    place = torch.arange(max_length).unsqueeze(0)
    place = torch.where(place < high * wide, place, 0)
    row = torch.div(place, wide, rounding_mode="floor")
    return _between(positional_embeddings, (row, place - row * wide), (high, wide))


def _of_packed(positional_embeddings: Any, grid_thw: Any, spatial_merge_size: int) -> Any:
    """Return the places of the patches of packed pictures, (patches, width)."""
    at = Patches(grid_thw, spatial_merge_size)
    sizes = grid_thw[at.picture, 1], grid_thw[at.picture, 2]
    return _between(positional_embeddings, (at.row, at.column), sizes)


def _between(square: Any, at: tuple[Any, Any], sizes: tuple[Any, Any]) -> Any:
    """Return what is learned where each patch is `at`, (..., width), of `square` (rows, columns, width).

    `at` are the patches' rows and columns, and `sizes` the heights and widths of their pictures.
    """
    rows, columns = (
        _shares(place, size, side) for place, size, side in zip(at, sizes, square.shape[:2], strict=True)
    )
    inner = (rows @ square.flatten(1)).unflatten(-1, tuple(square.shape[1:]))
    return (columns.unsqueeze(-2) @ inner).squeeze(-2)


def _shares(place: Any, size: Any, side: int) -> Any:
    """Return the share of each of `side` points for each `place` of `size`, (..., side): PyTorch's triangle."""
    import torch

    # Said to be of single precision: traced, a number by a tensor of whole ones is of double.
    scale = side / size.float()
    reach = torch.clamp(scale, min=1.0)
    middle = (place.float() + 0.5) * scale
    away = (torch.arange(side).float() + 0.5 - middle.unsqueeze(-1)).abs() / (
        reach * torch.ones_like(middle)
    ).unsqueeze(-1)
    found = torch.clamp(1.0 - away, min=0.0)
    return found / found.sum(-1, keepdim=True)
