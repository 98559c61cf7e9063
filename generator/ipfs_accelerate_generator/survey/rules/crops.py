"""Pictures in a text as a view of the whole and crops of it: each view is as large as the tower's own pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ipfs_accelerate_generator.survey.rules.grids import channels, patch, side
from ipfs_accelerate_generator.survey.shape import Shape, number

VIEWS: Final = "image_pixel_values"
"""The input that holds the view of the whole and, behind it, the crops of each picture."""
SIZES: Final = "image_sizes"
SEEN: Final = "image_attention_mask"


def _edge(shape: Shape) -> int:
    return number(shape.config, ("crop_size",), side(shape))


def views(shape: Shape, generator: Any) -> Any:
    """A view of each picture and its crops, which stand side by side: one, or more of a wider picture."""
    import torch

    edge = _edge(shape)
    return torch.randn(shape.batch, 1 + shape.stretch, channels(shape), edge, edge, generator=generator)


def sides(shape: Shape, _generator: Any) -> Any:
    """How many pixels all crops of each picture are high and wide together."""
    import torch

    edge = _edge(shape)
    return torch.tensor([[edge, shape.stretch * edge]] * shape.batch)


def seen(shape: Shape, _generator: Any) -> Any:
    """Ones: no patch of any view is padding."""
    import torch

    count = _edge(shape) // patch(shape)
    return torch.ones(shape.batch, 1 + shape.stretch, count, count, dtype=torch.long)


def vectors(made: Mapping[str, Any]) -> int:
    """Return how many vectors are made of each picture of `made`, of which no patch is padding.

    Two patches, across and down, become one. Behind each row of these stands one that ends it, both in the crops and in
    the view of the whole, and one stands between the two.
    """
    edge, patches = int(made[VIEWS].shape[-1]), int(made[SEEN].shape[-1])
    high, wide = (int(each) // edge for each in made[SIZES][0])
    half = -(-patches // 2)
    return high * half * (wide * half + 1) + 1 + half * (half + 1)
