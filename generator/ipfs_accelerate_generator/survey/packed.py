"""Inputs that a class has one behind the other for all texts of a batch: which they are, and each text's share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from ipfs_accelerate_generator.survey import given
from ipfs_accelerate_generator.survey.described import READ, described
from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.rules.table import LITERAL
from ipfs_accelerate_generator.survey.running import TOKENS, Feed
from ipfs_accelerate_generator.tensor import Tensor

Made = Mapping[str, Any]

_TEXT: Final = "input_ids"
_FLAT: Final = 2  # axes of what has no room for a strip


def inputs(call: Callable[[Made], Any], feed: Feed) -> tuple[str, ...]:
    """Return the inputs of `feed` that are no text's own, if the first text with its share of them can stand alone.

    It is () where it cannot, or where there is no text, or nothing but texts.
    """
    made = feed.made()
    if _TEXT not in made:
        return ()
    names = tuple(
        name for name, each in made.items() if name not in READ and each.shape[:2] != made[_TEXT].shape
    )
    count = len(made[_TEXT])
    if not names or any(made[name].dim() == 0 for name in names):
        return ()
    if any(made[name].shape[_axis(made[name], count)] % count for name in names):
        return ()
    first = _first(made, names)
    try:
        alone = call(first)
    except FOREIGN:
        return ()
    return names if alone.shape[:2] == first[_TEXT].shape else ()


def exchanged(packed: Any, count: int) -> Any:
    """Return what is `packed` with the equal shares of `count` texts in the other order."""
    import torch

    axis = _axis(packed, count)
    return torch.cat(packed.chunk(count, dim=axis)[::-1], dim=axis)


def _axis(packed: Any, count: int) -> int:
    """Return along which axis `count` texts have their shares: the first, or the last one of a single strip."""
    return -1 if len(packed) == 1 < count and packed.dim() > _FLAT else 0


def _first(made: Made, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the first text of `made` with its share of what is packed, `names`: a share is as large as any other."""
    count = len(made[_TEXT])
    return {
        name: each.chunk(count, dim=_axis(each, count))[0] if name in names else each[:1]
        for name, each in made.items()
    }


def tensors(feed: Feed, names: tuple[str, ...]) -> tuple[Tensor, ...]:
    """Return the inputs of one text as a spec holds them: what is packed, `names`, behind an axis of texts, too."""

    def row(made: Made, packed: Made) -> dict[str, Any]:
        return {
            name: packed[name].unsqueeze(0) if name in names else each
            for name, each in _first(made, names).items()
        }

    made, longer = feed.made(), feed.made(tokens=TOKENS[1])
    found = described(
        row(made, _first(made, names)),
        row(longer, _first(longer, names)),
        row(made, made),  # the pictures of several texts, as one text may have them
        whole=True,  # what is literal says something about this text alone
        literal=LITERAL | {_TEXT},
        texts=True,
    )

    def remade(config: Any) -> dict[str, Any]:
        other = feed.made(config=config)
        return row(other, _first(other, names))

    sized = given.sized(found, remade, feed.shape.config)
    return tuple(replace(each, packed=each.name in names) for each in sized)
