"""Images to pixel values with Pillow and NumPy, as transformers' Pillow image processors make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.image_file import opened
from ipfs_accelerate_py.skills.preprocessing import Preprocessing, Size, preprocessing

# Of a resized image: a long thin one whose short edge is enlarged may ask for any number.
_MOST_PIXELS = 50_000_000


@dataclass(frozen=True)
class ImageInput:
    """The image processor of a checkpoint, as its preprocessor_config.json describes it.

    `size_field` names the field of config.json with the size of the images that the model takes.
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
        settings = self.settings
        image = opened(item, index)
        if settings.resize is not None:
            size = settings.resized(image.width, image.height)
            if size[0] * size[1] > _MOST_PIXELS:
                raise InputError(
                    f"an image of {image.width}x{image.height} would be enlarged to {size[0]}x{size[1]}; cut it first",
                    index=index,
                )
            image = image.resize(size, resample=settings.resample)
        pixels: Array = np.asarray(image, dtype=np.float32)
        if settings.crop is not None:
            pixels = _cropped(pixels, settings.crop)
        if settings.factor is not None:
            pixels = pixels * np.float32(settings.factor)
        if settings.normal is not None:
            mean, std = settings.normal
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
        takes = (self.checkpoint.number("num_channels") or len(pixels), height, width)
        if pixels.shape != takes:
            origin = "pixel_values are" if ready else "preprocessor_config.json makes images of"
            shape, wanted = ("x".join(map(str, sizes)) for sizes in (pixels.shape, takes))
            raise InputError(
                f"{origin} {shape} (channels, height, width); the model takes {wanted}", index=index
            )
        return pixels


def _cropped(pixels: Array, size: Size) -> Array:
    above, left = pixels.shape[0] - size.height, pixels.shape[1] - size.width
    if above < 0 or left < 0:  # smaller than the crop: a frame of zeros around it
        frame = (
            (max(0, -above + 1) // 2, max(0, -above) // 2),
            (max(0, -left + 1) // 2, max(0, -left) // 2),
            (0, 0),
        )
        return _cropped(np.pad(pixels, frame), size)
    return pixels[above // 2 : above // 2 + size.height, left // 2 : left // 2 + size.width]


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
    try:
        with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, and is refused as such
            pixels = np.asarray(item["pixel_values"], dtype=np.float32)
    except (
        ValueError,
        TypeError,
        RuntimeError,
    ) as error:  # rows of unequal length, words, a tensor on a device
        raise InputError(f"pixel_values are no array of numbers: {error}", index=index) from error
    pixels = pixels[0] if pixels.ndim == 4 and pixels.shape[0] == 1 else pixels
    if pixels.ndim != 3:
        raise InputError(
            f"pixel_values have the shape {pixels.shape}; give (channels, height, width), and several as a list",
            index=index,
        )
    if not np.isfinite(pixels).all():
        raise InputError("pixel_values hold values that are not finite", index=index)
    return pixels
