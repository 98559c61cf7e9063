"""Pictures cut into patches of one size, as many as they need: sizes, patches and their places, in NumPy and Pillow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.picture_settings import image_settings, scaled
from ipfs_accelerate_py.skills.pictured import Pictures
from ipfs_accelerate_py.skills.vision_language import GRIDS, LEVELS, PATCHES, TAPS, WEIGHTS

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_LONGEST_SHAPE = 200  # times the shorter side; transformers refuses more
_CLIP_MEAN, _CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
# What transformers' processor does where preprocessor_config.json is silent.
_DEFAULTS: Mapping[str, Any] = {
    "patch_size": 14,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "size": {
        "shortest_edge": 56 * 56,
        "longest_edge": 28 * 28 * 1280,
    },  # pixels in all, whatever they are called
    "image_mean": _CLIP_MEAN,
    "image_std": _CLIP_STD,
}


@dataclass(frozen=True)
class Grid:
    """The patches of one picture."""

    values: Array  # (patches, channels * frames * patch * patch) float32, those of one vector side by side
    height: int  # in patches
    width: int


@dataclass(frozen=True)
class PatchPictures:
    """The image processor of a checkpoint whose tower takes any number of patches.

    `taps` says whether the tower has learned positions on a square grid, to be read between its points; `deep`, whether
    early layers of the decoder take more of a picture.
    """

    checkpoint: Checkpoint
    taps: bool = False
    deep: bool = False

    @property
    def padding(self) -> Mapping[str, int]:
        """What the arrays of a row with fewer patches are filled up with: zeros; a grid of none has no patches."""
        names = ["pixel_values", PATCHES, GRIDS, "position_ids", *([TAPS, WEIGHTS] if self.taps else [])]
        return dict.fromkeys(names, 0)

    def pictures(self, images: Sequence[Picture], index: int | None = None) -> Pictures:
        """Return `images` as patches with their places, one picture after the other."""
        grids = [self.grid(image, index) for image in images]
        sizes = [(grid.height, grid.width) for grid in grids]
        arrays = {
            "pixel_values": _joined([grid.values for grid in grids], (0, self._patch_width), np.float32),
            PATCHES: _joined([places(*size, self._merge) for size in sizes], (0, 2), np.int64),
            GRIDS: np.asarray([(1, *size) for size in sizes], dtype=np.int64).reshape(-1, 3),
        }
        if self.taps:
            found = [between(*size, self._side, self._merge) for size in sizes]
            arrays[TAPS] = _joined([each for each, _ in found], (0, 4), np.int64)
            arrays[WEIGHTS] = _joined([each for _, each in found], (0, 4), np.float32)
        return Pictures(arrays, tuple(height * width // self._merge**2 for height, width in sizes))

    def placed(self, here: Array, made: Pictures) -> Mapping[str, Array]:
        """Return where each token stands in time, height and width, {"position_ids": (tokens, 3)}."""
        found = {"position_ids": spread(here, made.arrays[GRIDS], self._merge)}
        if self.deep:
            found[LEVELS] = np.arange(
                len(self.checkpoint.value("vision_config.deepstack_visual_indexes") or [])
            )
        return found

    def grid(self, image: Picture, index: int | None = None) -> Grid:
        """Return the patches of one picture, resized so that they fill it.

        Raises:
            InputError: it is too long and thin.
        """
        settings, patch = self._settings, self._number("patch_size")
        if settings.get("do_resize", True):
            size = fitting(image.height, image.width, patch * self._merge, self._bounds, index)
            image = image.resize(size[::-1], resample=settings.get("resample", 3))
        pixels = scaled(image, settings)
        high, wide = pixels.shape[1] // patch, pixels.shape[2] // patch
        shape = (3, high // self._merge, self._merge, patch, wide // self._merge, self._merge, patch)
        cut = pixels.reshape(shape).transpose(1, 4, 2, 5, 0, 3, 6).reshape(high * wide, 3, 1, patch, patch)
        frames = np.broadcast_to(cut, (high * wide, 3, self._number("temporal_patch_size"), patch, patch))
        return Grid(frames.reshape(high * wide, -1), high, wide)

    @cached_property
    def _settings(self) -> dict[str, Any]:
        found = image_settings(self.checkpoint)
        if not found:
            raise CheckpointError(
                f"{self.checkpoint.folder}: preprocessor_config.json is missing; without it the patches are not known"
            )
        return {**_DEFAULTS, **found}

    def _number(self, name: str) -> int:
        return int(self._settings[name])

    @property
    def _merge(self) -> int:
        return self._number("merge_size")

    @property
    def _patch_width(self) -> int:
        return 3 * self._number("temporal_patch_size") * self._number("patch_size") ** 2

    @cached_property
    def _bounds(self) -> tuple[int, int]:
        """The fewest and the most pixels of a picture, height times width."""
        settings = self._settings
        least = settings.get("min_pixels") or settings["size"]["shortest_edge"]
        most = settings.get("max_pixels") or settings["size"]["longest_edge"]
        return int(least), int(most)

    @cached_property
    def _side(self) -> int:
        """The length in points of the square grid of learned positions."""
        count = self.checkpoint.number("vision_config.num_position_embeddings")
        if count is None:
            raise CheckpointError(
                f"{self.checkpoint.folder / 'config.json'}: vision_config.num_position_embeddings is missing"
            )
        return math.isqrt(count)


def _joined(arrays: Sequence[Array], empty: tuple[int, int], kind: Any) -> Array:
    return np.concatenate(arrays).astype(kind, copy=False) if arrays else np.zeros(empty, kind)


def fitting(
    height: int, width: int, factor: int, bounds: tuple[int, int], index: int | None = None
) -> tuple[int, int]:
    """Return the height and width nearest to a picture's that are multiples of `factor` and within `bounds` together.

    Raises:
        InputError: the picture is too long and thin.
    """
    least, most = bounds
    if max(height, width) / min(height, width) > _LONGEST_SHAPE:
        raise InputError(
            f"a picture of {width}x{height} is more than {_LONGEST_SHAPE} times as long as wide; cut it first",
            index=index,
        )
    high, wide = round(height / factor) * factor, round(width / factor) * factor
    if high * wide > most:
        shrink = math.sqrt(height * width / most)
        high = max(factor, math.floor(height / shrink / factor) * factor)
        wide = max(factor, math.floor(width / shrink / factor) * factor)
    elif high * wide < least:
        grow = math.sqrt(least / (height * width))
        high = math.ceil(height * grow / factor) * factor
        wide = math.ceil(width * grow / factor) * factor
    return high, wide


def places(height: int, width: int, merge: int) -> Array:
    """Return row and column of each patch, those that are merged into one vector side by side, (patches, 2) int64."""
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1)
    blocks = grid.reshape(height // merge, merge, width // merge, merge, 2)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(-1, 2).astype(np.int64)


def between(height: int, width: int, side: int, merge: int) -> tuple[Array, Array]:
    """Return the four points of a square grid around each patch, and their shares, (patches, 4) int64 and float32.

    The corners of the picture lie on those of the grid.
    """
    rows, columns = places(height, width, merge).T
    (up, down), (left, right) = _around(rows, height, side), _around(columns, width, side)
    points = [(row[0] * side + column[0]) for row in (up, down) for column in (left, right)]
    shares = [(row[1] * column[1]) for row in (up, down) for column in (left, right)]
    return np.stack(points, axis=-1), np.stack(shares, axis=-1).astype(np.float32)


def _around(index: Array, size: int, side: int) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return the points before and after each place on an axis, and the share of each."""
    exact = index.astype(np.float32) * np.float32(side - 1) / np.float32(max(size - 1, 1))
    before = np.floor(exact)
    rest = exact - before
    first = np.clip(before.astype(np.int64), 0, side - 1)
    second = np.clip(before.astype(np.int64) + 1, 0, side - 1)
    return (first, np.float32(1) - rest), (second, rest)


def spread(here: Array, grids: Array, merge: int) -> Array:
    """Return time, height and width of each token, (tokens, 3) int64, where `here` (tokens,) is 1 for pictures.

    Words go on by one on all three; within a picture height and width follow its grid; after it the words go on where
    its longer side ends.
    """
    found: list[Array] = []
    start = 0
    sizes = iter((int(height) // merge, int(width) // merge) for _, height, width in grids)
    place = 0
    while place < here.size:
        if here[place]:
            height, width = next(sizes)
            rows, columns = np.divmod(np.arange(height * width), width)
            found.append(np.stack([np.zeros_like(rows), rows, columns], axis=-1) + start)
            start += max(height, width)
            place += height * width
        else:
            found.append(np.full((1, 3), start))
            start += 1
            place += 1
    return np.concatenate(found).astype(np.int64)
