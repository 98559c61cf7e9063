"""Sessions of decoders that read a text whose pictures came as arrays."""

from __future__ import annotations

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array, Batch
from ipfs_accelerate_py.skills.session import Decoder, Engine
from ipfs_accelerate_py.skills.shown_arrays import COUNT, FITTED
from ipfs_accelerate_py.skills.vision_language import PicturedSession


class ShownSession(PicturedSession):
    """A session of a decoder that takes vectors: those of pictures come from all arrays that a row counts."""

    def _merged(self, vectors: Array, here: Array, prompt: Batch) -> Batch:
        if here.any():
            found = self._pictured(prompt)
            wanted = int(here.sum())
            if prompt[FITTED].any():
                found = np.resize(found, (wanted, found.shape[-1]))
            if len(found) != wanted:
                raise InputError(
                    f"the pictures give {len(found)} vectors, and the texts have {wanted} tokens for them; "
                    "a text has one for each, as the processor writes it"
                )
            vectors[here] = found
        return {}

    def _pictured(self, prompt: Batch) -> Array:
        """Return the vectors of all pictures of all rows, one after the other, (vectors, width)."""
        feed = {
            name.removeprefix(COUNT): np.concatenate(
                [
                    row[len(row) - count :]
                    for row, count in zip(prompt[name.removeprefix(COUNT)], counts, strict=True)
                ]
            )
            for name, counts in prompt.items()
            if name.startswith(COUNT)
        }
        return self._engine.run("vision", feed)["vectors"]


class TurnedSession(ShownSession):
    """A session in which every token has three places, in time, height and width."""

    def __init__(self, engine: Engine, decoder: Decoder) -> None:
        super().__init__(engine, decoder)
        self._next: Array = np.zeros(0, dtype=np.int64)

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order."""
        self._next = self._next[rows]
        super().reorder(rows)

    def _places(self, prompt: Batch) -> Array:
        self._next = prompt["position_ids"].max(axis=(1, 2)) + 1
        return prompt["position_ids"]

    def _following(self, count: int) -> Array:
        places = self._next[:, np.newaxis] + np.arange(count)
        self._next = self._next + count
        return np.repeat(places[..., np.newaxis], 3, axis=-1)
