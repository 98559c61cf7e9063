"""What is read of a class that gives several things: what follows from all that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.running import Feed, forward
from ipfs_accelerate_generator.survey.subject import Candidate

_WRITTEN: Final = "decoder_input_ids"


def read_behind(candidate: Candidate, model: Any, feed: Feed) -> Feed:
    """Return `feed` read where the most of what is given matters: at the first such field, if its own is none.

    A transducer joins what it hears and what was written so far only in its scores; what its encoder alone says comes
    before them. A part of a model may give what goes past it before what it makes. Of all others the field that the
    task is about is read.
    """
    transduces = _WRITTEN in feed.names and "input_ids" not in feed.names
    if candidate.table and not transduces:
        return feed
    right = forward(model, feed.made(), candidate.method)
    moved = [name for fields in _moved(candidate, model, feed, right) for name in fields]
    counts = {name: moved.count(name) for name in right if name != "loss" and name.isidentifier()}
    most = max(counts.values(), default=0)
    if counts.get(feed.output) == most:
        return feed
    return replace(feed, output=next(name for name, count in counts.items() if count == most))


def _moved(candidate: Candidate, model: Any, feed: Feed, right: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the fields that other numbers in an input move, for each input in turn."""
    import torch

    made, others = feed.made(), feed.made(seed=1)
    for name, tensor in made.items():
        other = others[name]
        if tensor.dim() and other.shape == tensor.shape and torch.equal(other, tensor):
            other = tensor.flip(-1)  # numbers that say something about the others
        try:
            found = forward(model, made | {name: other}, candidate.method)
        except FOREIGN:
            continue
        yield [
            field
            for field, value in right.items()
            if field in found and found[field].shape == value.shape and not torch.equal(found[field], value)
        ]
