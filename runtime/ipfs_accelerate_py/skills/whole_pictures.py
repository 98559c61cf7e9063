"""Pictures that a model of pictures and texts sees whole, each at the one size that its tower takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.image import ImageInput
from ipfs_accelerate_py.skills.picture_settings import PROCESSOR, image_settings
from ipfs_accelerate_py.skills.pictured import Pictures
from ipfs_accelerate_py.skills.vision_language import REAL

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


@dataclass(frozen=True)
class Tower:
    """How many vectors a tower makes of a picture, as processor_config.json says, else config.json."""

    checkpoint: Checkpoint

    def vectors(self, height: int, width: int) -> int:
        """Return the number of vectors of a picture of `height` by `width` pixels that go into the text."""
        patches = (height // self.patch) * (width // self.patch)
        return patches + self._number("num_additional_image_tokens", 0) - (self.strategy == "default")

    @cached_property
    def patch(self) -> int:
        """The length in pixels of a patch's side.

        Raises:
            CheckpointError: no file says so.
        """
        found = self._number("patch_size", self.checkpoint.number("vision_config.patch_size") or 0)
        if found:
            return found
        raise CheckpointError(
            f"{self.checkpoint.folder}: neither {PROCESSOR} nor config.json has a patch_size, so the number of tokens "
            "for a picture is not known; save the processor again"
        )

    @cached_property
    def strategy(self) -> str:
        """What becomes of the vector that stands before the patches: "default" drops it, "full" keeps it."""
        written = self.checkpoint.json(PROCESSOR).get("vision_feature_select_strategy")
        return str(written or self.checkpoint.value("vision_feature_select_strategy") or "default")

    def _number(self, name: str, otherwise: int) -> int:
        value = self.checkpoint.json(PROCESSOR).get(name)
        return value if isinstance(value, int) and value >= 0 else otherwise


@dataclass(frozen=True)
class WholePictures:
    """The image processor of a checkpoint that makes one tensor of one size of each picture."""

    checkpoint: Checkpoint
    size_field: str
    padding: Mapping[str, int]

    @classmethod
    def of(cls, checkpoint: Checkpoint, size_field: str) -> WholePictures:
        """Return it; `size_field` names the field of config.json with the size of the pictures that the tower takes."""
        return cls(checkpoint, size_field, {"pixel_values": 0, REAL: 0})

    @cached_property
    def _images(self) -> ImageInput:
        return ImageInput(self.checkpoint, size_field=self.size_field)

    @cached_property
    def _tower(self) -> Tower:
        return Tower(self.checkpoint)

    def pictures(self, images: Sequence[Picture], index: int | None = None) -> Pictures:
        """Return `images` as pixel values, (pictures, channels, height, width) float32."""
        if not images:
            side = self.checkpoint.number(self.size_field) or 1
            return Pictures({"pixel_values": np.zeros((0, 3, side, side), np.float32), REAL: _ones(0)})
        settings = image_settings(self.checkpoint)
        if settings.get("do_pad") and not settings.get("pad_size"):
            mean = settings.get("image_mean") or [0]
            images = [_square(image, tuple(int(each * 255) for each in mean)) for image in images]
        pixels = np.stack([self._images.pixels(image, index) for image in images])
        count = self._tower.vectors(*pixels.shape[2:])
        return Pictures({"pixel_values": pixels, REAL: _ones(len(pixels))}, (count,) * len(pixels))

    def placed(self, places: Array, made: Pictures) -> Mapping[str, Array]:
        """Return nothing: a place in the text is all that a picture has."""
        return {}


def _ones(count: int) -> Array:
    return np.ones(count, dtype=np.int64)


def _square(image: Picture, ground: tuple[int, ...]) -> Picture:
    """Return `image` in the middle of a square of the colour `ground`."""
    from PIL import Image

    side = max(image.size)
    whole = Image.new("RGB", (side, side), ground if len(ground) == 3 else ground * 3)
    whole.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return whole
