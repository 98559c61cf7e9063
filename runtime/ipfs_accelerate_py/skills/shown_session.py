"""Sessions of decoders that read a text whose pictures came as arrays."""

from __future__ import annotations

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array, Batch
from ipfs_accelerate_py.skills.shown_arrays import COUNT, FITTED
from ipfs_accelerate_py.skills.vision_language import PicturedSession, TurnedSession


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


class ShownTurnedSession(TurnedSession, ShownSession):
    """Such a session in which every token has three places."""
