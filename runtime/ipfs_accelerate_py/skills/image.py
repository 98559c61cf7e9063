"""Images to pixel values with Pillow and NumPy, as transformers' Pillow image processors make them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class ImageInput:
    """The image processor of a checkpoint, as its preprocessor_config.json describes it.

    `size_field` names the field of config.json with the size of the images that the model takes.
    """

    checkpoint: Checkpoint
    size_field: str

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The contents of preprocessor_config.json.

        Raises:
            CheckpointError: it is missing, or asks for a step that is not known here.
        """
        path = self.checkpoint.folder / "preprocessor_config.json"
        if not path.exists():
            raise CheckpointError(
                f"{self.checkpoint.folder}: preprocessor_config.json is missing; without it the size is not known"
            )
        settings = self.checkpoint.json(path.name)
        size = settings.get("size")
        if isinstance(size, int):  # the form of older files
            settings["size"] = size = {"height": size, "width": size}
        known = isinstance(size, dict) and (
            set(size) == {"height", "width"} or set(size) == {"shortest_edge"}
        )
        if settings.get("do_resize", True) and not known:
            raise CheckpointError(f"{path}: size is {size!r}; known are height with width, and shortest_edge")
        if settings.get("do_pad"):
            raise CheckpointError(
                f"{path}: asks for padding (do_pad), which this image processor does not do"
            )
        return settings

    def pixels(self, item: Any, index: int | None = None) -> Array:
        """Return one image as (channels, height, width) float32, resized, rescaled and normalised.

        Raises:
            InputError: the item is no image, or cannot be read.
        """
        settings = self.settings
        image = opened(item, index)
        if settings.get("do_resize", True):
            image = image.resize(self._size(image.width, image.height), resample=settings.get("resample", 2))
        pixels = np.asarray(image, dtype=np.float32)
        if settings.get("do_center_crop"):
            pixels = _cropped(pixels, settings["crop_size"])
        if settings.get("do_rescale", True):
            pixels = pixels * np.float32(settings.get("rescale_factor", 1 / 255))
        if settings.get("do_normalize", True):
            mean, std = (np.asarray(settings[name], dtype=np.float32) for name in ("image_mean", "image_std"))
            pixels = (pixels - mean) / std
        return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)

    def rows(self, items: Sequence[Any]) -> list[Array]:
        """Return `items` as pixel values; ready ones, {"pixel_values": array}, are checked and passed on.

        Raises:
            InputError: an item cannot be read, or has another size than the model takes; its index says which.
        """
        return [self._checked(item, index) for index, item in enumerate(items)]

    @property
    def sample(self) -> tuple[Any, ...]:
        """Two pictures of different sizes, made of waves."""
        across, down = np.meshgrid(np.linspace(0, 9, 40), np.linspace(0, 5, 30))
        picture = np.stack([np.sin(across), np.cos(down), np.sin(across * down)], axis=-1)
        first = (picture * 127 + 128).astype(np.uint8)
        return first, np.ascontiguousarray(first[::-1, ::2])

    def _checked(self, item: Any, index: int) -> Array:
        ready = isinstance(item, dict) and "pixel_values" in item
        pixels = _ready(item, index) if ready else self.pixels(item, index)
        written = self.checkpoint.config.get(self.size_field)
        height, width = (written, written) if isinstance(written, int) else written or pixels.shape[1:]
        if pixels.shape[1:] != (height, width):
            origin = "pixel_values are" if ready else "preprocessor_config.json makes images of"
            shape = f"{pixels.shape[1]}x{pixels.shape[2]}"
            raise InputError(f"{origin} {shape} pixels; the model takes {height}x{width}", index=index)
        return pixels

    def _size(self, width: int, height: int) -> tuple[int, int]:
        size = self.settings["size"]
        if "height" in size:
            return int(size["width"]), int(size["height"])
        short, edge = min(width, height), int(size["shortest_edge"])
        longer = int(edge * max(width, height) / short)
        return (edge, longer) if width <= height else (longer, edge)


def opened(item: Any, index: int | None = None) -> Picture:
    """Return an image in RGB, upright as its EXIF says.

    It comes from a path, bytes, a Pillow image or an array (height, width[, channels]).
    An animation gives its first picture; transparency is dropped; 16-bit grey keeps its upper eight bits.

    Raises:
        InputError: it is none of these, or is damaged or too large to be decoded safely.
    """
    from PIL import Image, UnidentifiedImageError

    if isinstance(item, dict) and set(item) == {"image_path"}:
        item = item["image_path"]
    try:
        if isinstance(item, str | Path):
            with Image.open(Path(item).expanduser()) as file:
                return _plain(file)
        if isinstance(item, bytes):
            with Image.open(io.BytesIO(item)) as file:
                return _plain(file)
        if isinstance(item, np.ndarray):
            return _plain(Image.fromarray(_eight_bit(item, index)))
        if isinstance(item, Image.Image):
            return _plain(item)
        raise InputError(
            f"is a {type(item).__name__}; this task takes an image: a path, bytes, a Pillow image or an array",
            index=index,
        )
    except FileNotFoundError as error:
        raise InputError(f"{item}: no such image file", index=index) from error
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        named = f"{item}: " if isinstance(item, str | Path) else ""
        raise InputError(f"{named}cannot be read as an image: {error}", index=index) from error


def _plain(image: Picture) -> Picture:
    """Return the first picture of `image` in RGB and upright."""
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode in _SIXTEEN_BIT or (upright.mode == "I" and np.asarray(upright).max(initial=0) > 255):
        upright = Image.fromarray((np.asarray(upright).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    return upright.convert("RGB")


def _eight_bit(array: Array, index: int | None) -> Array:
    if array.ndim == 3 and array.shape[0] in _CHANNELS and array.shape[2] not in _CHANNELS:
        array = array.transpose(1, 2, 0)  # channels first
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in _CHANNELS) or not array.size:
        raise InputError(
            f"an array of shape {array.shape} is no image; give (height, width) or (height, width, 1, 3 or 4)",
            index=index,
        )
    if array.dtype == np.uint8:
        return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            raise InputError("the array holds values that are not finite", index=index)
        if array.min() < 0 or array.max() > 1:
            raise InputError(
                "a floating-point image has values from 0 to 1; give uint8 otherwise", index=index
            )
        return _eight_bit((array * 255).round().astype(np.uint8), index)
    raise InputError(f"an image array is uint8 or floating point, not {array.dtype}", index=index)


def _cropped(pixels: Array, size: Any) -> Array:
    height, width = (size, size) if isinstance(size, int) else (int(size["height"]), int(size["width"]))
    above, left = pixels.shape[0] - height, pixels.shape[1] - width
    if above < 0 or left < 0:  # smaller than the crop: a frame of zeros around it
        frame = (
            (max(0, -above + 1) // 2, max(0, -above) // 2),
            (max(0, -left + 1) // 2, max(0, -left) // 2),
            (0, 0),
        )
        return _cropped(np.pad(pixels, frame), size)
    return pixels[above // 2 : above // 2 + height, left // 2 : left // 2 + width]


def patch_mask(checkpoint: Checkpoint, patches: Sequence[int]) -> Array:
    """Return 1 for each of the numbered `patches`, counted row by row, and 0 for the others, (patches,) int64.

    Raises:
        InputError: a number is outside the image.
    """
    size, patch = checkpoint.number("image_size"), checkpoint.number("patch_size")
    if size is None or patch is None:
        raise CheckpointError(
            f"{checkpoint.folder / 'config.json'}: image_size and patch_size must be whole numbers"
        )
    mask = np.zeros((size // patch) ** 2, dtype=np.int64)
    for place in patches:
        if not 0 <= place < mask.size:
            raise InputError(f"masked_patches has {place}; the image has the patches 0 to {mask.size - 1}")
        mask[place] = 1
    return mask


def _ready(item: dict[str, Any], index: int) -> Array:
    pixels = np.asarray(item["pixel_values"], dtype=np.float32)
    pixels = pixels[0] if pixels.ndim == 4 and pixels.shape[0] == 1 else pixels
    if pixels.ndim != 3 or not np.isfinite(pixels).all():
        raise InputError(
            f"pixel_values of shape {pixels.shape} must be (channels, height, width) and finite", index=index
        )
    return pixels
