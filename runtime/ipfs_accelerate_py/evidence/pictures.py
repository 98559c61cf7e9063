"""Pictures for the generated tests: drawn, not fetched, in every form in which people keep images."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from ipfs_accelerate_py.evidence.comparison import Array


def _waves(height: int, width: int, speed: float) -> Array:
    """Return a picture (height, width, 3) uint8 in which no two regions, rows or channels are alike."""
    down, across = np.meshgrid(
        np.linspace(0, speed, height), np.linspace(0, speed * 1.7, width), indexing="ij"
    )
    waves = np.stack([np.sin(across + down), np.cos(down * 1.3), np.sin(across * down / 2)], axis=-1)
    picture: Array = (waves * 127 + 128).astype(np.uint8)
    return picture


@cache
def pictures() -> tuple[Picture, ...]:
    """Return three Pillow images of different sizes."""
    from PIL import Image

    return tuple(Image.fromarray(_waves(*size)) for size in ((48, 64, 5.0), (30, 20, 9.0), (97, 33, 3.0)))


@cache
def pictures_alike() -> tuple[Picture, ...]:
    """Return three Pillow images of one size, for models that can be given no other two in one batch."""
    from PIL import Image

    return tuple(Image.fromarray(_waves(70, 64, speed)) for speed in (5.0, 9.0, 3.0))


@cache
def videos() -> tuple[dict[str, list[Picture]], ...]:
    """Return three videos of eight frames, which move, of different sizes."""
    from PIL import ImageChops

    return tuple(
        {"frames": [ImageChops.offset(picture, 5 * shift, 0) for shift in range(8)]} for picture in pictures()
    )


FORMS = (
    "grey",
    "sixteen-bit",
    "palette",
    "transparent",
    "cmyk",
    "animated",
    "one-pixel",
    "turned by EXIF",
    "bytes",
    "array",
)


def drawn(form: str, folder: Path) -> tuple[Any, Picture]:
    """Return a picture in `form`, most as a file in `folder`, and the same as a plain RGB image."""
    from PIL import Image

    plain = pictures()[0]
    grey = plain.convert("L")
    sixteen = Image.fromarray(np.asarray(grey).astype(np.uint16) * 256 + 77)
    turned = Image.Exif()
    turned[0x0112] = 3  # orientation: upside down
    makers: dict[str, Callable[[], tuple[Any, Picture]]] = {
        "grey": lambda: (_file(grey, folder / "grey.png"), grey),
        "sixteen-bit": lambda: (_file(sixteen, folder / "sixteen.png"), grey),
        "palette": lambda: (_file(grey.convert("P"), folder / "palette.gif"), grey),
        "transparent": lambda: (_file(plain.convert("RGBA"), folder / "transparent.png"), plain),
        "cmyk": lambda: (_file(plain.convert("CMYK"), folder / "cmyk.tiff"), plain.convert("CMYK")),
        "animated": lambda: (
            _file(
                grey,
                folder / "animated.gif",
                save_all=True,
                append_images=[grey.transpose(Image.Transpose.ROTATE_180)],
            ),
            grey,
        ),
        "one-pixel": lambda: (
            _file(plain.crop((3, 3, 4, 4)), folder / "pixel.png"),
            plain.crop((3, 3, 4, 4)),
        ),
        "turned by EXIF": lambda: (
            _file(plain.transpose(Image.Transpose.ROTATE_180), folder / "turned.png", exif=turned),
            plain,
        ),
        "bytes": lambda: (_file(plain, folder / "bytes.png").read_bytes(), plain),
        "array": lambda: (np.asarray(plain), plain),
    }
    picture, same = makers[form]()
    return picture, same.convert("RGB")


def _file(image: Picture, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path
