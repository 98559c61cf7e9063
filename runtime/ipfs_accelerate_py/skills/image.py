"""Images to pixel values with Pillow and NumPy, as transformers' Pillow image processors make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.image_file import opened
from ipfs_accelerate_py.skills.preprocessing import Preprocessing, Size, preprocessing

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

# Of a resized image: a long thin one whose short edge is enlarged may ask for any number.
_MOST_PIXELS = 50_000_000


@dataclass(frozen=True)
class Pixels:
    """One image made ready."""

    values: Array  # (channels, height, width) float32
    mask: Array  # (height, width) int64: 1 where there is image, 0 where it was filled up
    size: tuple[int, int]  # height and width of the image as it was given

    @property
    def masked(self) -> dict[str, Array]:
        """The row of a model that is told where an image ends."""
        return {"pixel_values": self.values, "pixel_mask": self.mask}


@dataclass(frozen=True)
class ImageInput:
    """The image processor of a checkpoint, as its preprocessor_config.json describes it.

    `size_field` names the field of config.json with the size of the images that the model takes; "" where it takes
    any.
    """

    checkpoint: Checkpoint
    size_field: str

    @cached_property
    def settings(self) -> Preprocessing:
        """How preprocessor_config.json says that images are made ready.

        Raises:
            CheckpointError: it is missing, incomplete, or asks for a step that is not known here.
        """
        return preprocessing(self.checkpoint)

    def pixels(self, item: Any, index: int | None = None) -> Array:
        """Return one image as (channels, height, width) float32, resized, rescaled and normalised.

        Raises:
            InputError: the item is no image, or cannot be read.
        """
        return self._pixels(opened(item, index), index)

    def rows(self, items: Sequence[Any]) -> list[Array]:
        """Return `items` as pixel values; ready ones, {"pixel_values": array}, are checked and passed on.

        Raises:
            InputError: an item cannot be read, or has another size than the model takes; its index says which.
        """
        return [made.values for made in self.images(items)]

    def images(self, items: Sequence[Any]) -> list[Pixels]:
        """Return `items` as pixel values with their masks and the sizes that the images had.

        Of ready ones, {"pixel_values": array} with or without a "pixel_mask", the size is that of the array.

        Raises:
            InputError: an item cannot be read, or has another size than the model takes; its index says which.
        """
        return [self._image(item, index) for index, item in enumerate(items)]

    @property
    def sample(self) -> tuple[Any, ...]:
        """Two pictures of different sizes, made of waves."""
        across, down = np.meshgrid(np.linspace(0, 9, 40), np.linspace(0, 5, 30))
        picture = np.stack([np.sin(across), np.cos(down), np.sin(across * down)], axis=-1)
        first = (picture * 127 + 128).astype(np.uint8)
        return first, np.ascontiguousarray(first[::-1, ::2])

    def _image(self, item: Any, index: int) -> Pixels:
        if isinstance(item, dict) and "pixel_values" in item:
            values = _ready(item, index)
            self._check(values, "pixel_values are", index)
            height, width = values.shape[1:]
            return Pixels(values, _mask(item.get("pixel_mask"), (height, width), index), (height, width))
        image = opened(item, index)
        values, mask = self._filled_up(self._pixels(image, index), index)
        self._check(values, "preprocessor_config.json makes images of", index)
        return Pixels(values, mask, (image.height, image.width))

    def _pixels(self, image: Picture, index: int | None) -> Array:
        settings = self.settings
        size = settings.resized(image.width, image.height)
        if min(size) < 1 or size[0] * size[1] > _MOST_PIXELS:
            verb = "shrunk" if min(size) < 1 else "enlarged"
            raise InputError(
                f"an image of {image.width}x{image.height} would be {verb} to {size[0]}x{size[1]}; cut it first",
                index=index,
            )
        if size != image.size:
            image = image.resize(size, resample=settings.resample)
        if settings.crop is not None:
            image = _cropped(image, settings.crop)
        return _scaled(image, settings)

    def _filled_up(self, values: Array, index: int) -> tuple[Array, Array]:
        height, width = values.shape[1:]
        mask = np.ones((height, width), dtype=np.int64)
        if (pad := self.settings.pad) is None:
            return values, mask
        below, right = pad.height - height, pad.width - width
        if below < 0 or right < 0:
            raise InputError(
                f"the image becomes {width}x{height}, more than the {pad.width}x{pad.height} of pad_size",
                index=index,
            )
        frame = ((0, below), (0, right))
        return np.pad(values, ((0, 0), *frame)), np.pad(mask, frame)

    def _check(self, pixels: Array, origin: str, index: int) -> None:
        written = self.checkpoint.value(self.size_field) if self.size_field else None
        height, width = (written, written) if isinstance(written, int) else written or pixels.shape[1:]
        part = self.size_field.rpartition(".")[0]
        channels = self.checkpoint.number(f"{part}.num_channels" if part else "num_channels")
        takes = (channels or len(pixels), height, width)
        if pixels.shape != takes:
            shape, wanted = ("x".join(map(str, sizes)) for sizes in (pixels.shape, takes))
            raise InputError(
                f"{origin} {shape} (channels, height, width); the model takes {wanted}", index=index
            )


def _cropped(image: Picture, size: Size) -> Picture:
    """Return the middle of `image`; where it is smaller than `size`, in a frame of zeros."""
    left, above = (image.width - size.width) // 2, (image.height - size.height) // 2
    return image.crop((left, above, left + size.width, above + size.height))


def _scaled(image: Picture, settings: Preprocessing) -> Array:
    """Return the channels of `image`, rescaled and normalised in one step: by a factor and a summand for each."""
    factor = np.float64(1 if settings.factor is None else settings.factor)
    mean, std = settings.normal or (np.zeros(1), np.ones(1))
    factors = np.broadcast_to(factor / std.astype(np.float64), 3).astype(np.float32)
    summands = np.broadcast_to(-mean.astype(np.float64) / std, 3).astype(np.float32)
    pixels = np.empty((3, image.height, image.width), dtype=np.float32)
    for plane, channel, times, plus in zip(pixels, image.split(), factors, summands, strict=True):
        np.multiply(np.asarray(channel), times, out=plane)
        if plus:
            np.add(plane, plus, out=plane)
    return pixels


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
    numbers = np.asarray(patches)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise InputError(f"masked_patches is {patches!r}; it is a list of whole numbers")
    for place in numbers.tolist():
        if not 0 <= place < mask.size:
            raise InputError(f"masked_patches has {place}; the image has the patches 0 to {mask.size - 1}")
        mask[place] = 1
    return mask


def _ready(item: dict[str, Any], index: int) -> Array:
    pixels = _numbers(item["pixel_values"], "pixel_values", np.float32, index)
    pixels = pixels[0] if pixels.ndim == 4 and pixels.shape[0] == 1 else pixels
    if pixels.ndim != 3 or not pixels.size:
        raise InputError(
            f"pixel_values have the shape {pixels.shape}; give (channels, height, width), and several as a list",
            index=index,
        )
    if not np.isfinite(pixels).all():
        raise InputError("pixel_values hold values that are not finite", index=index)
    return pixels


def _mask(given: Any, size: tuple[int, int], index: int) -> Array:
    if given is None:
        return np.ones(size, dtype=np.int64)
    mask = _numbers(given, "pixel_mask", np.int64, index)
    mask = mask[0] if mask.ndim == 3 and mask.shape[0] == 1 else mask
    if mask.shape != size or not set(np.unique(mask)) <= {0, 1} or not mask.any():
        raise InputError(
            f"pixel_mask has the shape {mask.shape}; it is 0 or 1 for each of the {size[0]}x{size[1]} pixels, and 1 "
            "somewhere",
            index=index,
        )
    return mask


def _numbers(given: Any, name: str, kind: Any, index: int) -> Array:
    try:
        # A number beyond float32 becomes infinite, one that is none becomes any integer: both are refused as such.
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(given).astype(kind)
    except (
        ValueError,
        TypeError,
        RuntimeError,
    ) as error:  # rows of unequal length, words, a tensor on a device
        raise InputError(f"{name} are no array of numbers: {error}", index=index) from error
