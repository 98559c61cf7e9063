"""What goes with a text: which of its places are those of pictures, and labels beside it."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_generator.survey.senses import source
from ipfs_accelerate_generator.survey.shape import Shape, number, text

_PICTURES = 2  # of each text, where an axis counts them: the pairs that are made first
_LABELS = 3  # of each text
_SIDE = 1000  # of a page: that many parts, where boxes are in whole numbers


def pictures_seen(shape: Shape, _generator: Any) -> Any:
    """Ones: every token looks at each of the pictures of its text."""
    import torch

    return torch.ones(shape.batch, shape.whole, _PICTURES, dtype=torch.long)


def picture_places(shape: Shape, _generator: Any) -> Any:
    """Ones at the tokens that stand for a picture, behind a third of those of the text."""
    import torch

    places = torch.zeros(shape.batch, shape.whole, dtype=torch.long)
    places[:, shape.tokens // 3 : shape.tokens // 3 + shape.pictured] = 1
    return places


def boxes(shape: Shape, generator: Any) -> Any:
    """The box of each token on its page: in thousandths of a side, or in shares where the class reads it so."""
    import torch

    corners = torch.randint(0, 500, (*shape.rows, shape.whole, 2), generator=generator)
    found = torch.cat([corners, corners + 100], dim=-1)
    config: Any = type(shape.config)
    return found / _SIDE if "clip(bbox, 0.0, 1.0)" in source(config) else found


def labels(shape: Shape, generator: Any) -> Any:
    """Ids of the words of some labels for each text."""
    import torch

    read = text(shape.config)
    most = number(read, ("vocab_size",), number(shape.config, ("vocab_size",), 64))
    sizes = shape.batch * _LABELS, shape.tokens
    return torch.randint(min(20, most // 2), most, sizes, generator=generator)


def labels_seen(shape: Shape, _generator: Any) -> Any:
    """Ones: none of these words is padding."""
    import torch

    return torch.ones(shape.batch * _LABELS, shape.tokens, dtype=torch.long)


def labels_each(shape: Shape, _generator: Any) -> Any:
    """How many labels each text has."""
    import torch

    return torch.full((shape.batch,), _LABELS)
