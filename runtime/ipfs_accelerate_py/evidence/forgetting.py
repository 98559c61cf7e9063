"""What a decoder answers that has forgotten what it read: the control of its cache."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ipfs_accelerate_py.evidence.controls import relative_change
from ipfs_accelerate_py.skills.arrays import Array, Batch
from ipfs_accelerate_py.skills.generation import Generator
from ipfs_accelerate_py.skills.session import Decoder


def forgotten(generator: Generator, batch: Batch) -> float:
    """Return how far the logits of a second step move if the backend forgot what it read of `batch` in the first.

    What was read elsewhere and handed to the decoder is zeros then: as many tokens, of which nothing is known.
    """
    new = np.tile(np.arange(2), (len(next(iter(batch.values()))), 1))
    with generator.engine.decoding() as decoder:
        watched = _Watched(decoder)
        session = generator.session(generator.engine, watched)
        session.begin(batch)
        kept = session.step(new)
    feed = dict(watched.fed)
    if (
        "attention_mask" in feed and not watched.past
    ):  # one that speaks of tokens that nobody read fits no cache
        feed["attention_mask"] = feed["attention_mask"][:, -new.shape[1] :]
    with generator.engine.decoding() as decoder:
        decoder.hold(watched.constants)
        if watched.past:
            decoder.keep({name: np.zeros_like(array) for name, array in watched.past.items()})
        without = decoder.step(feed)
    return relative_change({"logits": kept}, {"logits": without})


class _Watched:
    """A decoder that remembers what it was fed last."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.constants: Mapping[str, Array] = {}
        self.past: Mapping[str, Array] = {}
        self.fed: Mapping[str, Array] = {}

    def hold(self, constants: Mapping[str, Array]) -> None:
        self.constants = constants
        self._decoder.hold(constants)

    def keep(self, past: Mapping[str, Array]) -> None:
        self.past = past
        self._decoder.keep(past)

    def step(self, batch: Mapping[str, Array]) -> Array:
        self.fed = batch
        return self._decoder.step(batch)

    def beside(self, name: str) -> Array:
        return self._decoder.beside(name)

    def reorder(self, rows: Array) -> None:
        self._decoder.reorder(rows)
