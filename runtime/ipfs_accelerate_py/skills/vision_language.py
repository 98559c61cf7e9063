"""Sessions of decoders that read a text with pictures in it: vectors of the pictures take the place of tokens."""

from __future__ import annotations

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch
from ipfs_accelerate_py.skills.pictured import PLACES
from ipfs_accelerate_py.skills.session import Decoder, Engine, positions

REAL = "pictures"  # of a batch: 1 where there is a picture, 0 where a row with fewer was filled up, (rows, pictures)
GRIDS = "image_grid_thw"  # frames, height and width of each picture in patches, (rows, pictures, 3)
PATCHES = "patch_positions"  # row and column of each patch, (rows, patches, 2)
TAPS, WEIGHTS = (
    "grid_points",
    "grid_shares",
)  # around each patch, on a grid of learned positions, (rows, patches, 4)
ORDER = "order"  # which vector of a row's tiles is read when, (rows, vectors)
NEWLINE, NO_VECTOR = (
    -1,
    -2,
)  # in an order: the vector that ends a row of patches; none, as the row was filled up
LEVELS = (
    "levels"  # one number for each early layer of the decoder that takes more of a picture, (rows, layers)
)
COUNTED = frozenset({REAL, GRIDS, ORDER, LEVELS})  # what of a batch only counts, and is no input of a model


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
        more = self._merged(vectors, here, prompt)
        return self._read(vectors, self._places(prompt), more)

    def step(self, ids: Array) -> Array:
        """Read `ids` (rows, new); return the logits after them."""
        self._mask = np.concatenate([self._mask, np.ones_like(ids)], axis=1)
        vectors = self._embedded(ids)
        return self._read(vectors, self._following(ids.shape[1]), self._nothing_more(vectors))

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order."""
        self._mask = self._mask[rows]
        self._decoder.reorder(rows)

    def _embedded(self, ids: Array) -> Array:
        return self._engine.run("embed", {"input_ids": ids})["vectors"]

    def _merged(self, vectors: Array, here: Array, prompt: Batch) -> Batch:
        """Write the vectors of the pictures into `vectors` where `here` is true; return what else the decoder takes."""
        if here.any():
            vectors[here] = self._pictured(prompt)
        return {}

    def _pictured(self, prompt: Batch) -> Array:
        """Return the vectors of all pictures of all rows, one after the other, (vectors, width)."""
        pictures = prompt["pixel_values"][prompt[REAL] == 1]
        found = self._engine.run("vision", {"pixel_values": pictures})["vectors"]
        return found.reshape(-1, found.shape[-1])

    def _nothing_more(self, vectors: Array) -> Batch:
        """Return what the decoder takes beside `vectors` where there are no pictures."""
        return {}

    def _places(self, prompt: Batch) -> Array:
        """Return the place of each token of `prompt`."""
        return positions(self._mask)

    def _following(self, count: int) -> Array:
        """Return the places of `count` new tokens of each row, which the mask knows already."""
        return positions(self._mask)[:, -count:]

    def _read(self, vectors: Array, places: Array, more: Batch) -> Array:
        return self._decoder.step(
            {"inputs_embeds": vectors, "attention_mask": self._mask, "position_ids": places, **more}
        )


class TiledSession(PicturedSession):
    """A session in which each picture is several tiles, whose vectors are read in an order of their own."""

    def _pictured(self, prompt: Batch) -> Array:
        real = prompt[REAL] == 1
        found = self._engine.run("vision", {"pixel_values": prompt["pixel_values"][real]})
        newline = found["newline"][:1]  # the same for all
        read = []
        ends = np.cumsum(real.sum(axis=1))
        for order, count, end in zip(prompt[ORDER], real.sum(axis=1), ends, strict=True):
            own = found["vectors"][end - count : end].reshape(-1, newline.shape[-1])
            read.append(np.concatenate([own, newline])[order[order != NO_VECTOR]])  # NEWLINE is the last
        return np.concatenate(read)


class TurnedSession(PicturedSession):
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


class GridSession(TurnedSession):
    """A session in which every token has three places, and each picture its own size."""

    def _pictured(self, prompt: Batch) -> Array:
        return np.concatenate([found["vectors"] for found in self._seen(prompt)])

    def _seen(self, prompt: Batch) -> list[dict[str, Array]]:
        """Return what the tower makes of each picture, one at a time: the work grows with the square of the patches."""
        names = [name for name in ("pixel_values", PATCHES, TAPS, WEIGHTS) if name in prompt]
        found = []
        for row, grids in enumerate(prompt[GRIDS]):
            counts = grids.prod(axis=-1)
            ends = prompt["pixel_values"].shape[1] - counts.sum() + np.cumsum(counts)
            for end, count in zip(ends, counts, strict=True):
                if count:
                    feed = {name: prompt[name][row, end - count : end] for name in names}
                    found.append(self._engine.run("vision", feed))
        return found


class DeepSession(GridSession):
    """A session whose decoder takes more of each picture in its early layers: `deeper`, zero where there is none."""

    def __init__(self, engine: Engine, decoder: Decoder) -> None:
        super().__init__(engine, decoder)
        self._levels = 0

    def _merged(self, vectors: Array, here: Array, prompt: Batch) -> Batch:
        self._levels = prompt[LEVELS].shape[1]
        more = dict(self._nothing_more(vectors))
        if here.any():
            seen = self._seen(prompt)
            vectors[here] = np.concatenate([found["vectors"] for found in seen])
            more["deeper"][here] = np.concatenate([found["deeper"] for found in seen])
        return more

    def _nothing_more(self, vectors: Array) -> Batch:
        rows, tokens, width = vectors.shape
        return {"deeper": np.zeros((rows, tokens, self._levels * width), dtype=vectors.dtype)}
