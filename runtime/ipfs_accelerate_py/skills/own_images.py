"""Images to pixel values for image processors with steps of their own, as transformers' Pillow classes make them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.image import ImageInput
from ipfs_accelerate_py.skills.image_steps import Unfit
from ipfs_accelerate_py.skills.own_classes import Step, steps
from ipfs_accelerate_py.skills.picture_settings import image_settings
from ipfs_accelerate_py.skills.preprocessing import FILE, stem

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


@dataclass(frozen=True)
class OwnImages(ImageInput):
    """The image processor of a checkpoint whose class has steps of its own; any other is done as `ImageInput` does."""

    @property
    def sample(self) -> tuple[Any, ...]:
        """Two pictures of one size, for a batch has one shape, and large enough for every class."""
        across, down = np.meshgrid(np.linspace(0, 9, 96), np.linspace(0, 5, 72))
        picture = np.stack([np.sin(across), np.cos(down), np.sin(across * down)], axis=-1)
        first = (picture * 127 + 128).astype(np.uint8)
        return first, np.ascontiguousarray(first[::-1])

    @cached_property
    def _own(self) -> tuple[Step, dict[str, Any]] | None:
        written = image_settings(self.checkpoint)
        name = written.get("image_processor_type") or written.get("feature_extractor_type") or ""
        return steps(stem(str(name)), written)

    def _pixels(self, image: Picture, index: int | None) -> Array:
        if self._own is None:
            return super()._pixels(image, index)
        function, settings = self._own
        try:
            return function(image, settings)
        except Unfit as error:
            raise InputError(str(error), index=index) from error
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise CheckpointError(
                f"{self.checkpoint.folder / FILE}: {error!r}; save the image processor again"
            ) from error

    def _filled_up(self, values: Array, index: int) -> tuple[Array, Array]:
        if self._own is None:
            return super()._filled_up(values, index)
        return values, np.ones(values.shape[1:], dtype=np.int64)
