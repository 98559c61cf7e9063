"""Maps of numbers over an image, such as depths: brought to the image's size, and shown as a picture."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Final

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array

_SHARPNESS: Final = np.float32(-0.75)  # the free coefficient of cubic convolution, as PyTorch has it


def smoothed(maps: Array, size: tuple[int, int]) -> Array:
    """Return `maps` (any, rows, columns) at another size, from the nearest four values in each direction.

    This is what `torch.nn.functional.interpolate` calls bicubic, its corners not aligned.
    """
    for axis, wanted in zip((1, 2), size, strict=True):
        count = maps.shape[axis]
        places = (np.arange(wanted, dtype=np.float32) + 0.5) * np.float32(count / wanted) - np.float32(0.5)
        before = np.floor(places).astype(np.int64)
        shape = (-1, 1) if axis == 1 else (-1,)
        shares = _cubic((places - before).astype(np.float32))
        maps = sum(
            (
                maps.take((before + step).clip(0, count - 1), axis) * share.reshape(shape)
                for step, share in zip((-1, 0, 1, 2), shares, strict=True)
            ),
            np.zeros((), dtype=np.float32),
        )
    return maps


def _cubic(after: Array) -> tuple[Array, ...]:
    """Return what each of four neighbours counts for a place that is `after` the second of them, from 0 to 1."""

    def near(distance: Array) -> Array:
        return ((_SHARPNESS + 2) * distance - (_SHARPNESS + 3)) * distance * distance + 1

    def far(distance: Array) -> Array:
        return (
            (_SHARPNESS * distance - 5 * _SHARPNESS) * distance + 8 * _SHARPNESS
        ) * distance - 4 * _SHARPNESS

    return far(after + 1), near(after), near(1 - after), far(2 - after)


def shades(values: Array) -> Array:
    """Return `values` (rows, columns) as shades of grey, (rows, columns) uint8, from the least to the largest."""
    least, span = values.min(), np.ptp(values)
    shown: Array = ((values - least) / (span or 1) * 255).astype(np.uint8)
    return shown


def enlarged(image: Array, ready: tuple[int, ...], given: tuple[int, int]) -> Array:
    """Return the part of `image` (channels, rows, columns) that was made of the image as it was given.

    `ready` and `given` are the heights and widths of what the model saw, and of what it was filled up from.
    """
    rows, columns = (
        made * here // whole for made, whole, here in zip(image.shape[1:], ready, given, strict=True)
    )
    return image[:, :rows, :columns]


def shown(image: Array) -> Array:
    """Return `image` (channels, rows, columns), from 0 to 1, as a picture (rows, columns, channels) uint8."""
    return np.ascontiguousarray((image.clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0))


def png(pixels: Array) -> dict[str, str]:
    """Return a picture, (rows, columns) or (rows, columns, 3) uint8, as a PNG file in base64: {"png"}."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return {"png": base64.b64encode(file.getvalue()).decode("ascii")}


def unpacked_png(picture: dict[str, str]) -> Array:
    """Return what `png` packed."""
    from PIL import Image

    return np.asarray(Image.open(BytesIO(base64.b64decode(picture["png"]))))
