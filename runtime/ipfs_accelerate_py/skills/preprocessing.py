"""What a preprocessor_config.json asks for, read once and checked: the steps of an image processor as values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.image_classes import OWN_STEPS, defaults

FILE = "preprocessor_config.json"
# Since release 5 transformers writes the parts of a processor into one file.
WHOLE_FILE, PART = "processor_config.json", "image_processor"
_RESAMPLING = range(6)  # Pillow's: nearest, lanczos, bilinear, bicubic, box, hamming
_LARGEST_EDGE = 65_535  # pixels; no model takes a tenth of it
_WARPED = 384  # from this size on ConvNeXt's processor resizes to a square and crops nothing


@dataclass(frozen=True)
class Size:
    """A height and a width in pixels."""

    height: int
    width: int

    def of(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height that an image of `width` by `height` gets: these."""
        return self.width, self.height


@dataclass(frozen=True)
class ShortestEdge:
    """The length in pixels that the shorter side of an image gets; the other follows."""

    length: int

    def of(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height that an image of `width` by `height` gets."""
        long = int(self.length * max(width, height) / min(width, height))
        return (self.length, long) if width <= height else (long, self.length)


@dataclass(frozen=True)
class Edges:
    """The length that the shorter side gets, unless the longer one would become longer than `longest`."""

    shortest: int
    longest: int

    def of(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height that an image of `width` by `height` gets, rounded as transformers does."""
        short, exact = self.shortest, float(self.shortest)
        least, most = float(min(width, height)), float(max(width, height))
        if most / least * short > self.longest:
            exact = self.longest * least / most
            short = round(exact)
        if min(width, height) == short:
            return width, height
        if width < height:
            return short, int(exact * height / width)
        return int(exact * width / height), short


@dataclass(frozen=True)
class Within:
    """The largest height and width; one of them is reached, and the shape is kept."""

    height: int
    width: int

    def of(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height that an image of `width` by `height` gets."""
        scale = min(self.height / height, self.width / width)
        return int(width * scale), int(height * scale)


Resize = Size | ShortestEdge | Edges | Within


@dataclass(frozen=True)
class Preprocessing:
    """The steps in their order; one that is None is left out."""

    resize: Resize | None
    resample: int
    crop: Size | None
    factor: float | None  # that every value is multiplied by
    normal: tuple[Array, Array] | None  # mean and standard deviation of each channel, (channels,) each
    pad: Size | None = None  # that an image is filled up to, with zeros at the right and below

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height of an image of `width` by `height` once it is resized."""
        return (width, height) if self.resize is None else self.resize.of(width, height)


def preprocessing(checkpoint: Checkpoint) -> Preprocessing:
    """Return what the checkpoint's preprocessor_config.json, or its processor_config.json, asks for.

    Raises:
        CheckpointError: it is missing, incomplete, or asks for a step that is not known here.
    """
    path, settings = checkpoint.folder / FILE, checkpoint.json(FILE)
    if not path.exists():
        # What such a file holds for images may be anything; the next line looks.
        path, settings = checkpoint.folder / WHOLE_FILE, checkpoint.json(WHOLE_FILE).get(PART)  # type: ignore[assignment]
    if not isinstance(settings, dict):
        raise CheckpointError(f"{checkpoint.folder}: {FILE} is missing; without it the size is not known")
    name = settings.get("image_processor_type") or settings.get("feature_extractor_type") or ""
    if reason := OWN_STEPS.get(stem(str(name))):
        raise CheckpointError(f"{path}: {name} {reason}, which this image processor does not do")
    try:
        return _read({**defaults(stem(str(name))), **settings})
    except (KeyError, TypeError, ValueError) as error:
        fact = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(f"{path}: {fact}; save the image processor again") from error


def stem(name: str) -> str:
    """Return what the names of one image processor in all releases have in common: "CLIP" of CLIPFeatureExtractor."""
    for ending in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        name = name.removesuffix(ending)
    return name


def _read(settings: dict[str, Any]) -> Preprocessing:
    resample = settings["resample"]
    if resample not in _RESAMPLING:
        raise ValueError(f"resample is {resample!r}; it is one of {', '.join(map(str, _RESAMPLING))}")
    resize, crop = None, None
    if settings["do_resize"]:
        resize = _size("size", settings["size"], settings)
    if settings.get("do_center_crop"):
        crop = _exact("crop_size", settings["crop_size"])
    if settings.get("crop_pct") and isinstance(resize, ShortestEdge):
        resize, crop = _share(resize.length, settings["crop_pct"])
    factor = settings["rescale_factor"] if settings["do_rescale"] else None
    if factor is not None and not (isinstance(factor, int | float) and math.isfinite(factor)):
        raise ValueError(f"rescale_factor is {factor!r}; it is a number")
    normal = None
    if settings["do_normalize"]:
        mean, std = settings["image_mean"], settings["image_std"]
        normal = _channels("image_mean", mean), _channels("image_std", std)
        if not normal[1].all():
            raise ValueError(f"image_std is {std!r}; no channel may have 0")
    pad = None
    if settings.get("do_pad") and settings.get("pad_size"):
        pad = _exact("pad_size", settings["pad_size"])
    return Preprocessing(resize, resample, crop, factor, normal, pad)


def _share(length: int, share: Any) -> tuple[Resize, Size | None]:
    """Return how ConvNeXt's processor makes a square of `length` of the middle `share` of an image."""
    if not isinstance(share, int | float) or not 0 < share <= 1:
        raise ValueError(f"crop_pct is {share!r}; it is a share above 0 and at most 1")
    square = Size(length, length)
    return (square, None) if length >= _WARPED else (ShortestEdge(int(length / share)), square)


def _exact(name: str, written: Any) -> Size:
    size = _size(name, written, {})
    if not isinstance(size, Size):
        raise ValueError(f"{name} is {written!r}; it is a height and a width")
    return size


def _size(name: str, written: Any, settings: dict[str, Any]) -> Resize:
    """Return a size; one number, as older files have it, is that of a square or, for some classes, of an edge."""
    edges = written
    if isinstance(written, int) and settings.get("default_to_square", True):
        edges = {"height": written, "width": written}
    elif isinstance(written, int):
        edges = {"shortest_edge": written}
        if settings.get("max_size"):
            edges["longest_edge"] = settings["max_size"]
    elif isinstance(written, list | tuple) and len(written) == 2:
        edges = {"height": written[0], "width": written[1]}
    if isinstance(edges, dict) and all(_is_edge(value) for value in edges.values()):
        if edges.keys() == {"height", "width"}:
            return Size(**edges)
        if edges.keys() == {"shortest_edge"}:
            return ShortestEdge(edges["shortest_edge"])
        if edges.keys() == {"shortest_edge", "longest_edge"}:
            return Edges(edges["shortest_edge"], edges["longest_edge"])
        if edges.keys() == {"max_height", "max_width"}:
            return Within(edges["max_height"], edges["max_width"])
    raise ValueError(
        f"{name} is {written!r}; known are height with width, shortest_edge, shortest_edge with longest_edge, and "
        f"max_height with max_width, from 1 to {_LARGEST_EDGE}"
    )


def _is_edge(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_EDGE


def _channels(name: str, written: Any) -> Array:
    values = np.asarray(written, dtype=np.float32)
    if values.ndim > 1 or values.size not in (1, 3) or not np.isfinite(values).all():
        raise ValueError(f"{name} is {written!r}; it is one number, or one each for red, green and blue")
    return values
