"""Films in which something is pointed at, to be followed from picture to picture."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_generator.survey.rules.grids import side
from ipfs_accelerate_generator.survey.shape import Shape

_LEAST_FRAMES = 2  # what is remembered of one shows in the next
_TOKENS_EACH = 4  # for so many tokens of a text there is one more picture: of two lengths, two films


def pointed_at(shape: Shape, generator: Any) -> dict[str, Any]:
    """Return a film, and points on and beside each of some objects in its first picture."""
    import torch

    size = side(shape)
    frames = max(_LEAST_FRAMES, shape.tokens // _TOKENS_EACH)
    points = frames - 1
    labels = torch.arange(points).eq(0).long().repeat(shape.batch, 1)  # the first on it, others beside
    return {
        "video": torch.randn(frames, 3, size, size, generator=generator),
        "point_coords": torch.rand(shape.batch, points, 2, generator=generator) * size,
        "point_labels": labels,
    }
