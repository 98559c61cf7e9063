"""Images from wherever they come: files, bytes, Pillow images and arrays, all made RGB and upright."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_CHANNELS = (1, 3, 4)
_ORIENTATION = 0x0112  # the number of its EXIF tag
# What Pillow's readers raised on 37,500 damaged files of fifteen formats, besides its own errors; and their like.
_DAMAGED = (OSError, SyntaxError, ValueError, RuntimeError, TypeError, LookupError, EOFError, struct.error)


def opened(item: Any, index: int | None = None) -> Picture:
    """Return an image in RGB, upright as its EXIF says.

    It comes from a path, bytes, a Pillow image or an array (height, width[, channels]).
    An animation gives its first picture; transparency is dropped; 16-bit grey keeps its upper eight bits.

    Raises:
        InputError: it is none of these, or is damaged or too large to be decoded safely.
    """
    from PIL import Image

    if isinstance(item, dict) and set(item) == {"image_path"}:
        item = item["image_path"]
    try:
        if isinstance(item, str | Path):
            with Image.open(os.path.expanduser(item)) as file:
                return _plain(file)
        if isinstance(item, bytes):
            with Image.open(io.BytesIO(item)) as file:
                return _plain(file)
        if isinstance(item, np.ndarray):
            return _plain(Image.fromarray(_eight_bit(item, index)))
        if isinstance(item, Image.Image):
            return _plain(item)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{item}: no such image file", index=index) from error
    except (*_DAMAGED, Image.DecompressionBombError) as error:
        named = f"{item}: " if isinstance(item, str | Path) else ""
        raise InputError(f"{named}cannot be read as an image: {error}", index=index) from error
    raise InputError(
        f"is a {type(item).__name__}; this task takes an image: a path, bytes, a Pillow image or an array",
        index=index,
    )


def _plain(image: Picture) -> Picture:
    """Return the first picture of `image` in RGB and upright."""
    from PIL import Image, ImageOps

    image.load()
    turned = image.getexif().get(_ORIENTATION, 1) != 1  # exif_transpose copies an upright picture, too
    upright = ImageOps.exif_transpose(image) if turned else image
    if upright.mode in _SIXTEEN_BIT or (upright.mode == "I" and np.asarray(upright).max(initial=0) > 255):
        upright = Image.fromarray((np.asarray(upright).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    return upright if upright.mode == "RGB" else upright.convert("RGB")


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
