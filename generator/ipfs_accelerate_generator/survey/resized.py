"""The inputs of a head at another size: a shorter text, and a longer sound where the head takes one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ipfs_accelerate_generator.survey import spoken
from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.inputs import make
from ipfs_accelerate_generator.survey.rules.table import SOUNDS
from ipfs_accelerate_generator.survey.running import TOKENS, Feed, forward
from ipfs_accelerate_generator.survey.shape import Shape
from ipfs_accelerate_generator.survey.subject import Candidate, SurveyError

_STRETCH: Final = 2
"""Twice the length is a multiple of whatever the length was made one of."""


def resized(candidate: Candidate, model: Any, feed: Feed) -> dict[str, Any]:
    """Return the inputs of `feed` with fewer tokens of text, and with longer sounds if the head takes them.

    A model with places for sounds of one length refuses others; then that of the text alone is another.
    """
    import torch

    if not SOUNDS.isdisjoint(feed.names):
        for shape in _longer(candidate, model, feed):
            made = make(feed.names, shape)
            try:
                found = forward(model, made, candidate.method).get(feed.output)
            except FOREIGN:
                continue
            if found is not None and torch.isfinite(found).all():
                return made
    return feed.made(tokens=TOKENS[1])


def _longer(candidate: Candidate, model: Any, feed: Feed) -> Iterator[Shape]:
    """Yield what longer sounds are made for: with as many tokens for them as the model has vectors, or says to miss."""
    shape = replace(feed.shape, tokens=TOKENS[1], stretch=_STRETCH)
    if not shape.spoken:
        yield shape
        return
    try:
        counted = spoken.placeholders(model, make(feed.names, shape))
    except (SurveyError, *FOREIGN):
        counted = 0
    for count in dict.fromkeys((counted or shape.spoken, _STRETCH * shape.spoken)):
        told = replace(shape, spoken=count)
        yield told
        try:
            forward(model, make(feed.names, told), candidate.method)
        except FOREIGN as error:
            if missed := spoken.missed(str(error), told):
                yield replace(shape, spoken=missed)
