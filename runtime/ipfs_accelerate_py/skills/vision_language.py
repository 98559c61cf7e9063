"""Sessions of decoders that read a text with pictures in it: vectors of the pictures take the place of tokens."""

from __future__ import annotations

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch
from ipfs_accelerate_py.skills.pictured import PLACES
from ipfs_accelerate_py.skills.session import Decoder, Engine, positions

REAL = "pictures"  # of a batch: 1 where there is a picture, 0 where a row with fewer was filled up, (rows, pictures)
COUNTED = frozenset({REAL})  # what of a batch only counts, and is no input of a model


class PicturedSession:
    """A session of a decoder that takes vectors: those of tokens from `embed`, those of pictures from `vision`."""

    def __init__(self, engine: Engine, decoder: Decoder) -> None:
        self._engine = engine
        self._decoder = decoder
        self._mask: Array = np.zeros((0, 0), dtype=np.int64)

    def begin(self, prompt: Batch) -> Array:
        """Read the prompts, filled up on the left; return the logits after each."""
        self._mask = prompt["attention_mask"]
        vectors = self._embedded(prompt["input_ids"])
        here = prompt[PLACES] == 1
        if here.any():
            vectors[here] = self._pictured(prompt)
        return self._read(vectors)

    def step(self, ids: Array) -> Array:
        """Read `ids` (rows, new); return the logits after them."""
        self._mask = np.concatenate([self._mask, np.ones_like(ids)], axis=1)
        return self._read(self._embedded(ids))

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order."""
        self._mask = self._mask[rows]
        self._decoder.reorder(rows)

    def _embedded(self, ids: Array) -> Array:
        return self._engine.run("embed", {"input_ids": ids})["vectors"]

    def _pictured(self, prompt: Batch) -> Array:
        """Return the vectors of all pictures of all rows, one after the other, (vectors, width)."""
        pictures = prompt["pixel_values"][prompt[REAL] == 1]
        found = self._engine.run("vision", {"pixel_values": pictures})["vectors"]
        return found.reshape(-1, found.shape[-1])

    def _read(self, vectors: Array) -> Array:
        places = positions(self._mask)[:, -vectors.shape[1] :]
        return self._decoder.step(
            {"inputs_embeds": vectors, "attention_mask": self._mask, "position_ids": places}
        )
