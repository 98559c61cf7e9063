"""The steps of image processors that cut, round, fill up or colour in a way of their own, one function for each class.

A function takes a Pillow image and what preprocessor_config.json says, and returns (channels, height, width) float32.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.preprocessing import Edges, Within

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Settings = Mapping[str, Any]

_LARGEST: Final = 50_000_000  # pixels of a resized image; a long thin one may ask for any number
_NEAR_ONE: Final = 256 / 224  # LeViT's edge before the middle is cut out
_LONGER: Final = 1333 / 800  # how much longer than its shorter side an image may become
_YOLOS_GRID: Final = 16
_GREY: Final = (0.2989, 0.5870, 0.1140)  # shares of red, green and blue, as the NTSC had them


class Unfit(ValueError):
    """An image that a step cannot make ready."""


# --- what the functions share


def resized(image: Picture, size: Iterable[int], settings: Settings) -> Picture:
    """Return `image` at another size, a height and a width.

    Raises:
        Unfit: the size is none, or far too large.
    """
    height, width = size
    if min(height, width) < 1 or height * width > _LARGEST:
        raise Unfit(
            f"an image of {image.width}x{image.height} would become {width}x{height}; "
            f"{'give a larger one' if min(height, width) < 1 else 'cut it first'}"
        )
    return image if (width, height) == image.size else image.resize((width, height), settings["resample"])


def values(image: Picture) -> Array:
    """Return the channels of `image`, (3, height, width) float32, from 0 to 255."""
    return np.ascontiguousarray(np.asarray(image, dtype=np.float32).transpose(2, 0, 1))


def scaled(pixels: Array, settings: Settings) -> Array:
    """Return `pixels` rescaled and normalised, as far as `settings` say."""
    if settings["do_rescale"]:
        pixels = pixels * np.float32(settings["rescale_factor"])
    if settings["do_normalize"]:
        mean, std = (np.asarray(settings[name], dtype=np.float32) for name in ("image_mean", "image_std"))
        pixels = (pixels - mean.reshape(-1, 1, 1)) / std.reshape(-1, 1, 1)
    return pixels


def middle(image: Picture, size: Iterable[int]) -> Picture:
    """Return the middle of `image`; where it is smaller, in a frame of zeros, which is a pixel wider at the left."""
    height, width = size
    left, above = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, above, left + width, above + height))


def exact(settings: Settings, name: str = "size") -> tuple[int, int]:
    """Return the height and width that `name` says; one number is that of a square."""
    written = settings[name]
    if isinstance(written, int):
        return written, written
    if isinstance(written, list | tuple):
        return int(written[0]), int(written[1])
    return int(written["height"]), int(written["width"])


def _shortest(settings: Settings) -> int:
    written = settings["size"]
    return int(written if isinstance(written, int) else written["shortest_edge"])


def _with_shorter(image: Picture, short: int) -> tuple[int, int]:
    """Return the height and width at which the shorter side of `image` is `short`."""
    long = int(short * max(image.size) / min(image.size))
    return (long, short) if image.width <= image.height else (short, long)


# --- one function for each class


def dpt(image: Picture, settings: Settings) -> Array:
    """Return an image resized to whole patches, its shape kept or not, and filled up around to a multiple."""
    if settings["do_resize"]:
        multiple = settings["ensure_multiple_of"]
        down, across = (
            wanted / given for wanted, given in zip(exact(settings), image.size[::-1], strict=True)
        )
        if settings["keep_aspect_ratio"]:  # by as little as possible
            down = across = across if abs(1 - across) < abs(1 - down) else down
        height, width = (
            round(each / multiple) * multiple for each in (down * image.height, across * image.width)
        )
        image = resized(image, (height, width), settings)
    pixels = scaled(values(image), settings)
    if settings["do_pad"] and (divisor := settings.get("size_divisor")):
        frame = [(-length % divisor) for length in pixels.shape[1:]]
        pixels = np.pad(pixels, ((0, 0), *((each // 2, each - each // 2) for each in frame)))
    return pixels


def donut(image: Picture, settings: Settings) -> Array:
    """Return an image made small enough to lie in the middle of a sheet, which may be turned first."""
    from PIL.Image import Transpose

    height, width = exact(settings)
    if settings["do_align_long_axis"] and (width - height) * (image.width - image.height) < 0:
        image = image.transpose(method=Transpose.ROTATE_270)
    if settings["do_resize"]:
        image = resized(image, _with_shorter(image, min(height, width)), settings)
    if settings["do_thumbnail"]:
        image = resized(image, _thumbnail(image, height, width), settings)
    pixels = values(image)
    if settings["do_pad"]:
        frame = [(height - image.height), (width - image.width)]
        if min(frame) < 0:
            raise Unfit(
                f"an image of {image.width}x{image.height} is larger than a sheet of {width}x{height}"
            )
        pixels = np.pad(pixels, ((0, 0), *((each // 2, each - each // 2) for each in frame)))
    return scaled(pixels, settings)


def _thumbnail(image: Picture, height: int, width: int) -> tuple[int, int]:
    short = min(image.height, height), min(image.width, width)
    if short == (image.height, image.width):
        return short
    if image.height > image.width:
        return short[0], int(image.width * short[0] / image.height)
    if image.width > image.height:
        return int(image.height * short[1] / image.width), short[1]
    return short


def efficientnet(image: Picture, settings: Settings) -> Array:
    """Return an image from -1 to 1 or from 0, divided by its deviation once more where the top is included."""
    if settings["do_resize"]:
        image = resized(image, exact(settings), settings)
    if settings["do_center_crop"]:
        image = middle(image, exact(settings, "crop_size"))
    offset = 1.0 if settings["do_rescale"] and settings["rescale_offset"] else 0.0
    std = np.asarray(settings["image_std"], dtype=np.float32).reshape(-1, 1, 1)
    pixels = values(image)
    if offset:
        pixels = pixels * np.float32(settings["rescale_factor"]) - np.float32(offset)
        pixels = scaled(pixels, {**settings, "do_rescale": False})
    else:
        pixels = scaled(pixels, settings)
    return pixels / std if settings["include_top"] else pixels


def glpn(image: Picture, settings: Settings) -> Array:
    """Return an image cut down to multiples of a length by shrinking it a little."""
    if settings["do_resize"]:
        divisor = settings["size_divisor"]
        image = resized(image, (length // divisor * divisor for length in image.size[::-1]), settings)
    return scaled(values(image), settings)


def levit(image: Picture, settings: Settings) -> Array:
    """Return the middle of an image whose shorter side was made a little longer than that."""
    if settings["do_resize"] and isinstance(settings["size"], dict) and "height" in settings["size"]:
        image = resized(image, exact(settings), settings)
    elif settings["do_resize"]:
        image = resized(image, _with_shorter(image, int(_NEAR_ONE * _shortest(settings))), settings)
    if settings["do_center_crop"]:
        image = middle(image, exact(settings, "crop_size"))
    return scaled(values(image), settings)


def maskformer(image: Picture, settings: Settings) -> Array:
    """Return an image resized as DETR's are, and its sides made longer to multiples of a length."""
    if settings["do_resize"]:
        written, divisor = settings["size"], settings["size_divisor"]
        if "height" in written:
            size = exact(settings)
        elif "max_height" in written:
            size = Within(written["max_height"], written["max_width"]).of(image.width, image.height)[::-1]
        else:
            edges = Edges(written["shortest_edge"], written["longest_edge"])
            size = edges.of(image.width, image.height)[::-1]
        if divisor:
            size = (math.ceil(size[0] / divisor) * divisor, math.ceil(size[1] / divisor) * divisor)
        image = resized(image, size, settings)
    return scaled(values(image), settings)


def mobilevit(image: Picture, settings: Settings) -> Array:
    """Return the middle of an image with blue as its first channel, as a rule."""
    if settings["do_resize"]:
        fixed = isinstance(settings["size"], dict) and "height" in settings["size"]
        size = exact(settings) if fixed else _with_shorter(image, _shortest(settings))
        image = resized(image, size, settings)
    if settings["do_center_crop"]:
        image = middle(image, exact(settings, "crop_size"))
    pixels = scaled(values(image), {**settings, "do_normalize": False})
    return np.ascontiguousarray(pixels[::-1]) if settings["do_flip_channel_order"] else pixels


def perceiver(image: Picture, settings: Settings) -> Array:
    """Return the middle square of an image, as large a share of it as the size is of the crop, resized."""
    if settings["do_center_crop"]:
        shares = zip(exact(settings), exact(settings, "crop_size"), strict=True)
        image = middle(image, (int(size / crop * min(image.size)) for size, crop in shares))
    if settings["do_resize"]:
        image = resized(image, exact(settings), settings)
    return scaled(values(image), settings)


def superpoint(image: Picture, settings: Settings) -> Array:
    """Return a resized image, grey in all three channels where that is asked for."""
    if settings["do_resize"]:
        image = resized(image, exact(settings), settings)
    pixels = scaled(values(image), {**settings, "do_normalize": False})
    alike = np.array_equal(pixels[0], pixels[1]) and np.array_equal(pixels[1], pixels[2])
    if settings["do_grayscale"] and not alike:
        shares = np.asarray(_GREY, dtype=np.float32).reshape(-1, 1, 1)
        pixels = np.repeat((pixels * shares).sum(axis=0, keepdims=True), 3, axis=0)
    return pixels


def swin2sr(image: Picture, settings: Settings) -> Array:
    """Return an image that goes on at the right and below, as a mirror shows it, to the next multiple of a length."""
    pixels = scaled(values(image), {**settings, "do_normalize": False})
    if not settings["do_pad"]:
        return pixels
    divisor = settings["size_divisor"]
    frame = ((0, (length // divisor + 1) * divisor - length) for length in pixels.shape[1:])
    return np.pad(pixels, ((0, 0), *frame), mode="symmetric")


def textnet(image: Picture, settings: Settings) -> Array:
    """Return an image whose shorter side is of a length, and both are made longer to multiples of another."""
    if settings["do_resize"]:
        divisor = settings["size_divisor"]
        size = _with_shorter(image, _shortest(settings))
        image = resized(image, (math.ceil(length / divisor) * divisor for length in size), settings)
    if settings["do_center_crop"]:
        image = middle(image, exact(settings, "crop_size"))
    return scaled(values(image), settings)


def vilt(image: Picture, settings: Settings) -> Array:
    """Return an image whose shorter side is of a length, and none much longer; both are shortened to a multiple."""
    if settings["do_resize"]:
        short = _shortest(settings)
        scale = short / min(image.size)
        size = [float(scale * length) for length in image.size[::-1]]
        if max(size) > (most := int(_LONGER * short)):
            size = [most / max(size) * length for length in size]
        divisor = settings["size_divisor"]
        image = resized(image, (int(length + 0.5) // divisor * divisor for length in size), settings)
    return scaled(values(image), settings)


def yolos(image: Picture, settings: Settings) -> Array:
    """Return an image whose shorter side is of a length, unless the longer became too long, cut to a grid."""
    if settings["do_resize"]:
        image = resized(image, _yolos_size(image, settings), settings)
    return scaled(values(image), settings)


def _yolos_size(image: Picture, settings: Settings) -> tuple[int, int]:
    written = settings["size"]
    if isinstance(written, dict) and "height" in written:
        return exact(settings)
    if isinstance(written, dict) and "max_height" in written:
        scale = min(written["max_height"] / image.height, written["max_width"] / image.width)
        return int(image.height * scale), int(image.width * scale)
    short = _shortest(settings)
    longest = written.get("longest_edge") if isinstance(written, dict) else settings.get("max_size", 1333)
    precise = float(short)
    if longest and max(image.size) / min(image.size) * short > longest:
        precise = longest * min(image.size) / max(image.size)
        short = round(precise)
    if image.width < image.height:
        height, width = int(precise * image.height / image.width), short
    elif image.height == short:
        height, width = image.height, image.width
    else:
        height, width = short, int(precise * image.width / image.height)
    return height - height % _YOLOS_GRID, width - width % _YOLOS_GRID
