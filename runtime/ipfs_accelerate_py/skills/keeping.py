"""Writing after arrays with a cache: what a row is given is read once, and what the layers keep of it is gone on from.

The part "read" takes all that a row is given and gives, beside the logits, what the layers of the decoder keep, by the
names of `kept.laid_open`, and what they made of an encoder's output, by those of `seq2seq.remembered`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import replace
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch
from ipfs_accelerate_py.skills.calls import WRITTEN, reads
from ipfs_accelerate_py.skills.head import Port
from ipfs_accelerate_py.skills.kept import PAST
from ipfs_accelerate_py.skills.rereading import WrittenInput, ids_read
from ipfs_accelerate_py.skills.seq2seq import LEFT, MASK, MEMORY, START
from ipfs_accelerate_py.skills.session import Decoder, Engine

READ: Final = "read"  # the part's name
_IDS: Final = "input_ids"
_TOKENS: Final = Port("int64", axes=("batch", "tokens"), dynamic=("batch", "tokens"))


def steps_of(inputs: Collection[str]) -> dict[str, Port]:
    """Return what the decoder of a head that is given `inputs` takes at every step, beside its cache."""
    if reads(tuple(inputs)) == START:
        return {START: _TOKENS}
    return {_IDS: _TOKENS, **({MASK: _TOKENS} if MASK in inputs else {})}


def past_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return, of what a first reading `found`, what the decoder goes on from."""
    return {name: array for name, array in found.items() if name.startswith(PAST)}


def held_of(found: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return, of what a first reading of `given` has `found`, what stays the same at every step; {} of no encoder.

    The mask that was given is among it where it speaks of the places that the decoder reads: of a sound, of which an
    encoder leaves fewer places, it does not, and then the one that the encoder makes itself is taken.
    """
    held = {name: array for name, array in found.items() if name.startswith(MEMORY)}
    if held and LEFT in found:
        held[MASK] = found[LEFT]
    elif held and MASK in given and given[MASK].shape[1] == next(iter(held.values())).shape[2]:
        held[MASK] = given[MASK]
    return held


class KeptInput(WrittenInput):
    """The inputs of a head that writes and keeps what it has read."""

    def _writer(self, handler: Any) -> Any:
        writer = copy(handler)
        writer.steps = replace(handler.steps, run=None)
        return writer


class KeptSession:
    """A session of a decoder that goes on behind arrays: rows of one size, read together."""

    def __init__(self, engine: Engine, decoder: Decoder) -> None:
        self._engine = engine
        self._decoder = decoder
        self._name = _IDS
        self._mask: Array | None = None

    def begin(self, prompt: Batch) -> Array:
        """Read what the rows are given and have written so far; return the logits after each."""
        found = self._engine.run(READ, prompt)
        if held := held_of(found, prompt):
            self._name = START
            if MASK in held:  # one that an encoder made comes as its other outputs do, in real numbers
                held[MASK] = held[MASK].astype(np.int64)
            self._decoder.hold(held)
        elif MASK in prompt:
            self._mask = np.concatenate([prompt[MASK], np.ones_like(prompt[WRITTEN])], axis=1)
        self._decoder.keep(past_of(found))
        return found["logits"]

    def step(self, ids: Array) -> Array:
        """Read `ids` (rows, new); return the logits after them."""
        feeds = {self._name: ids}
        if self._mask is not None:
            self._mask = np.concatenate([self._mask, np.ones_like(ids)], axis=1)
            feeds[MASK] = self._mask
        return self._decoder.step(feeds)

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order."""
        if self._mask is not None:
            self._mask = self._mask[rows]
        self._decoder.reorder(rows)

    def read(self, prompt: Batch) -> list[list[int]]:
        """Return for each row the ids that were read."""
        return ids_read(prompt)
