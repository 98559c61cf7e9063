"""What a preprocessor_config.json asks for, read once and checked: the steps of an image processor as values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint

FILE = "preprocessor_config.json"
# Since release 5 transformers writes the parts of a processor into one file.
WHOLE_FILE, PART = "processor_config.json", "image_processor"
_BILINEAR = 2
_RESAMPLING = range(6)  # Pillow's: nearest, lanczos, bilinear, bicubic, box, hamming
_LARGEST_EDGE = 65_535  # pixels; no model takes a tenth of it


@dataclass(frozen=True)
class Size:
    """A height and a width in pixels."""

    height: int
    width: int


@dataclass(frozen=True)
class ShortestEdge:
    """The length in pixels that the shorter side of an image gets; the other follows."""

    length: int


@dataclass(frozen=True)
class Preprocessing:
    """The steps in their order; one that is None is left out."""

    resize: Size | ShortestEdge | None
    resample: int
    crop: Size | None
    factor: float | None  # that every value is multiplied by
    normal: tuple[Array, Array] | None  # mean and standard deviation of each channel, (channels,) each

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height of an image of `width` by `height` once it is resized."""
        if isinstance(self.resize, Size):
            return self.resize.width, self.resize.height
        if self.resize is None:
            return width, height
        short = self.resize.length
        long = int(short * max(width, height) / min(width, height))
        return (short, long) if width <= height else (long, short)


def preprocessing(checkpoint: Checkpoint) -> Preprocessing:
    """Return what the checkpoint's preprocessor_config.json, or its processor_config.json, asks for.

    Raises:
        CheckpointError: it is missing, incomplete, or asks for a step that is not known here.
    """
    path, settings = checkpoint.folder / FILE, checkpoint.json(FILE)
    if not path.exists():
        path, settings = checkpoint.folder / WHOLE_FILE, checkpoint.json(WHOLE_FILE).get(PART, {})
    if not isinstance(settings, dict) or not settings:
        raise CheckpointError(f"{checkpoint.folder}: {FILE} is missing; without it the size is not known")
    if settings.get("do_pad") and settings.get("pad_size"):
        raise CheckpointError(f"{path}: asks for padding (do_pad), which this image processor does not do")
    try:
        return _read(settings)
    except (KeyError, TypeError, ValueError) as error:
        fact = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(f"{path}: {fact}; save the image processor again") from error


def _read(settings: dict[str, Any]) -> Preprocessing:
    resample = settings.get("resample", _BILINEAR)
    if resample not in _RESAMPLING:
        raise ValueError(f"resample is {resample!r}; it is one of {', '.join(map(str, _RESAMPLING))}")
    resize = _size("size", settings["size"]) if settings.get("do_resize", True) else None
    crop = _size("crop_size", settings["crop_size"]) if settings.get("do_center_crop") else None
    if isinstance(crop, ShortestEdge):
        raise ValueError("crop_size is a shortest edge; it is a height and a width")
    factor = settings.get("rescale_factor", 1 / 255) if settings.get("do_rescale", True) else None
    if factor is not None and not (isinstance(factor, int | float) and math.isfinite(factor)):
        raise ValueError(f"rescale_factor is {factor!r}; it is a number")
    normal = None
    if settings.get("do_normalize", True):
        normal = _channels("image_mean", settings["image_mean"]), _channels(
            "image_std", settings["image_std"]
        )
        if not normal[1].all():
            raise ValueError(f"image_std is {settings['image_std']!r}; no channel may have 0")
    return Preprocessing(resize, resample, crop, factor, normal)


def _size(name: str, written: Any) -> Size | ShortestEdge:
    edges = (
        {"height": written, "width": written} if isinstance(written, int) else written
    )  # as older files have it
    if isinstance(edges, dict) and all(_is_edge(value) for value in edges.values()):
        if set(edges) == {"height", "width"}:
            return Size(**edges)
        if set(edges) == {"shortest_edge"}:
            return ShortestEdge(edges["shortest_edge"])
    raise ValueError(
        f"{name} is {written!r}; known are height with width, and shortest_edge, from 1 to {_LARGEST_EDGE}"
    )


def _is_edge(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_EDGE


def _channels(name: str, written: Any) -> Array:
    values = np.asarray(written, dtype=np.float32)
    if values.ndim > 1 or values.size not in (1, 3) or not np.isfinite(values).all():
        raise ValueError(f"{name} is {written!r}; it is one number, or one each for red, green and blue")
    return values
