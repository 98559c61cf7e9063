"""Pictures that a model of pictures and texts sees twice: whole, and cut into tiles that each fill its tower."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.picture_settings import image_settings, scaled
from ipfs_accelerate_py.skills.pictured import Pictures
from ipfs_accelerate_py.skills.vision_language import NEWLINE, NO_VECTOR, ORDER, REAL
from ipfs_accelerate_py.skills.whole_pictures import Tower

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_PINPOINTS = "image_grid_pinpoints"
# What transformers' processor does where preprocessor_config.json is silent.
_DEFAULTS: Mapping[str, Any] = {
    "size": {"shortest_edge": 224},
    "crop_size": {"height": 224, "width": 224},
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    _PINPOINTS: [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]],
}


@dataclass(frozen=True)
class TiledPictures:
    """The image processor of a checkpoint that cuts a picture into tiles, in the grid that fits its shape best."""

    checkpoint: Checkpoint

    @property
    def padding(self) -> Mapping[str, int]:
        """What the arrays of a row with fewer tiles are filled up with."""
        return {"pixel_values": 0, REAL: 0, ORDER: NO_VECTOR}

    def pictures(self, images: Sequence[Picture], index: int | None = None) -> Pictures:
        """Return the tiles of `images`, (tiles, 3, side, side) float32, and the order of their vectors in the text."""
        tiles: list[Array] = []
        orders: list[Array] = []
        for image in images:
            made = self.tiles(image)
            order = self.order(image.height, image.width)
            first = sum(map(len, tiles)) * self._vectors
            orders.append(np.where(order == NEWLINE, NEWLINE, order + first))
            tiles.append(made)
        side = self._side
        pixels = np.concatenate(tiles) if tiles else np.zeros((0, 3, side, side), np.float32)
        read = np.concatenate(orders) if orders else np.zeros(0, np.int64)
        real = np.ones(len(pixels), dtype=np.int64)
        return Pictures(
            {"pixel_values": pixels, REAL: real, ORDER: read}, tuple(order.size for order in orders)
        )

    def placed(self, places: Array, made: Pictures) -> Mapping[str, Array]:
        """Return nothing: a place in the text is all that a picture has."""
        return {}

    def tiles(self, image: Picture) -> Array:
        """Return the whole picture, squeezed into one tile, and then its tiles row by row, (tiles, 3, side, side)."""
        settings, side = self._settings, self._side
        resample = settings.get("resample", 3)
        edge = self._edge
        high, wide = best_grid(image.height, image.width, self._pinpoints)
        inner = inside(image.height, image.width, high, wide)
        frame = _framed(image.resize(inner[::-1], resample=resample), high, wide)
        cut = [
            frame.crop((left, above, min(left + side, wide), min(above + side, high)))
            for above in range(0, high, side)
            for left in range(0, wide, side)
        ]
        pieces = [image.resize((edge, edge), resample=resample), *cut]
        return np.stack([self._ready(piece, resample) for piece in pieces])

    def order(self, height: int, width: int) -> Array:
        """Return which vector of the tiles of a picture is read when, (vectors,) int64; `NEWLINE` ends each row.

        The whole picture comes first; then the tiles as one picture, without what stands for the frame around it.
        """
        side, patch = self._side, self._tower.patch
        each, whole = side // patch, self._vectors
        size = int(self.checkpoint.number("vision_config.image_size") or side)
        high, wide = (edge // size for edge in best_grid(height, width, self._pinpoints))
        numbers = np.arange(high * wide * each * each).reshape(high, wide, each, each) % (each * each)
        starts = (1 + np.arange(high * wide).reshape(high, wide, 1, 1)) * whole
        rows = (numbers + starts).transpose(0, 2, 1, 3).reshape(high * each, wide * each)
        rows = unframed(rows, height, width)
        ended = np.concatenate([rows, np.full((len(rows), 1), NEWLINE)], axis=1)
        return np.concatenate([np.arange(whole), ended.reshape(-1)]).astype(np.int64)

    def _ready(self, piece: Picture, resample: int) -> Array:
        settings = self._settings
        if settings.get("do_resize", True):
            size = settings["size"]
            if "height" in size:
                piece = piece.resize((size["width"], size["height"]), resample=resample)
            else:
                short = size["shortest_edge"]
                long = int(short * max(piece.size) / min(piece.size))
                piece = piece.resize(
                    (short, long) if piece.width <= piece.height else (long, short), resample=resample
                )
        if settings.get("do_center_crop", True):
            crop = settings["crop_size"]
            left, above = (piece.width - crop["width"]) // 2, (piece.height - crop["height"]) // 2
            piece = piece.crop((left, above, left + crop["width"], above + crop["height"]))
        return scaled(piece, settings)

    @cached_property
    def _settings(self) -> dict[str, Any]:
        found = image_settings(self.checkpoint)
        if not found:
            raise CheckpointError(
                f"{self.checkpoint.folder}: preprocessor_config.json is missing; without it the tiles are not known"
            )
        return {**_DEFAULTS, **found}

    @cached_property
    def _pinpoints(self) -> list[tuple[int, int]]:
        return [(int(height), int(width)) for height, width in self._settings[_PINPOINTS]]

    @property
    def _edge(self) -> int:
        size = self._settings["size"]
        return int(size.get("height") or size["shortest_edge"])

    @property
    def _side(self) -> int:
        """The length of a tile's side in pixels."""
        return int((self._settings.get("crop_size") or {}).get("height") or self._edge)

    @cached_property
    def _tower(self) -> Tower:
        return Tower(self.checkpoint)

    @property
    def _vectors(self) -> int:
        return self._tower.vectors(self._side, self._side)


def best_grid(height: int, width: int, grids: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return which of `grids`, heights and widths in pixels, shows most of a picture, and wastes least of itself."""

    def shown(grid: tuple[int, int]) -> tuple[int, int]:
        scale = min(grid[1] / width, grid[0] / height)
        kept = min(int(width * scale) * int(height * scale), width * height)
        return kept, kept - grid[0] * grid[1]

    return max(grids, key=shown)  # the first of equals


def inside(height: int, width: int, high: int, wide: int) -> tuple[int, int]:
    """Return the largest height and width of a picture of its shape that fits into `high` by `wide`."""
    across, down = wide / width, high / height
    if across < down:
        return min(math.ceil(height * across), high), wide
    return high, min(math.ceil(width * down), wide)


def _framed(image: Picture, high: int, wide: int) -> Picture:
    """Return `image` in the middle of a black one of `high` by `wide`."""
    from PIL import Image

    whole = Image.new("RGB", (wide, high))
    whole.paste(image, ((wide - image.width) // 2, (high - image.height) // 2))
    return whole


def unframed(rows: Array, height: int, width: int) -> Array:
    """Return `rows`, a grid of patches, without those that stand for the frame around a picture of this shape."""
    high, wide = rows.shape
    if width / height > wide / high:
        inner = int(round(height * (wide / width), 7))
        margin = (high - inner) // 2
        return rows[margin : high - margin]
    inner = int(round(width * (high / height), 7))
    margin = (wide - inner) // 2
    return rows[:, margin : wide - margin]
