"""The inputs of a head at another size: a shorter text, and a longer sound or a larger picture where it takes one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ipfs_accelerate_generator.survey import spoken
from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.given import hides
from ipfs_accelerate_generator.survey.inputs import PIXELS, make
from ipfs_accelerate_generator.survey.pictured import placeholders
from ipfs_accelerate_generator.survey.rules.crops import VIEWS
from ipfs_accelerate_generator.survey.rules.table import SOUNDS
from ipfs_accelerate_generator.survey.running import TOKENS, Feed, forward
from ipfs_accelerate_generator.survey.shape import IMAGE_SIZES, Shape, number
from ipfs_accelerate_generator.survey.subject import Candidate, SurveyError

_ROWS: Final = 3  # axes of pictures as rows of patches: batch, patches and the numbers of each
_STRETCH: Final = 2
"""Twice the length is a multiple of whatever the length was made one of."""


def resized(candidate: Candidate, model: Any, feed: Feed) -> dict[str, Any] | None:
    """Return the inputs of `feed` with fewer tokens of text, and with longer sounds if the head takes them.

    A model with places for sounds of one length refuses others; then that of the text alone is another. Pictures are
    larger where the configuration names no size for them, if the head takes these. None where the head takes neither.
    Of what tokens stand for nothing is hidden by a mask, as in a test.
    """
    for shape in _shapes(model, feed):
        if _takes(candidate, model, feed, seen := _seen(make(feed.names, shape))):
            return seen
        # Where no token stands for a part of something, nothing has to be counted: a mask may be as it is made.
        if not shape.placed and _takes(candidate, model, feed, made := make(feed.names, shape)):
            return made
    return None


def _shapes(model: Any, feed: Feed) -> Iterator[Shape]:
    """Yield what the inputs are made for: with as many tokens for a sound or a picture as the model has vectors."""
    shorter = replace(feed.shape, tokens=TOKENS[1])
    sized = SOUNDS if number(shorter.config, IMAGE_SIZES, 0) else SOUNDS | PIXELS
    longer = () if sized.isdisjoint(feed.names) else (replace(shorter, stretch=_STRETCH),)
    for shape in (*(_counted(model, feed, each) for each in longer), shorter):
        if not shape.spoken:
            yield shape
            continue
        try:
            counted = spoken.placeholders(model, _seen(make(feed.names, shape)))
        except (SurveyError, *FOREIGN):
            counted = 0
        for count in dict.fromkeys((counted or shape.spoken, shape.stretch * shape.spoken, shape.spoken)):
            yield replace(shape, spoken=count)


def _counted(model: Any, feed: Feed, shape: Shape) -> Shape:
    """Return `shape` with as many tokens for a picture in rows of patches as there are vectors of the longer rows."""
    if not shape.pictured:
        return shape
    try:
        made = make(feed.names, shape)
        rows = VIEWS in made or made["pixel_values"].dim() == _ROWS
        return replace(shape, pictured=placeholders(model, made)) if rows else shape
    except (SurveyError, *FOREIGN):
        return shape


def _seen(made: dict[str, Any]) -> dict[str, Any]:
    """Return `made` with masks that hide nothing."""
    import torch

    return {
        name: (
            torch.full_like(tensor, tensor.max().item())
            if hides(name) and tensor.numel() and not tensor.is_floating_point()
            else tensor
        )
        for name, tensor in made.items()
    }


def _takes(candidate: Candidate, model: Any, feed: Feed, made: dict[str, Any]) -> bool:
    """Whether the head gives numbers for `made`."""
    import torch

    try:
        found = forward(model, made, candidate.method).get(feed.output)
    except FOREIGN:
        return False
    return found is not None and bool(torch.isfinite(found).all())
