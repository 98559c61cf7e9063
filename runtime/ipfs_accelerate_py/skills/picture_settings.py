"""What a checkpoint says of its image processor, and the last step that all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PROCESSOR = "processor_config.json"
_IMAGES = "preprocessor_config.json"


def image_settings(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what the checkpoint says of its image processor: in a file of its own, or in the processor's."""
    alone = checkpoint.json(_IMAGES)
    whole = checkpoint.json(PROCESSOR).get("image_processor")
    return alone or (dict(whole) if isinstance(whole, dict) else {})


def scaled(image: Picture, settings: Mapping[str, Any]) -> Array:
    """Return `image` as (channels, height, width) float32, rescaled and normalised as `settings` say."""
    pixels = np.asarray(image, dtype=np.float32).transpose(2, 0, 1)
    if settings.get("do_rescale", True):
        pixels = pixels * np.float32(settings.get("rescale_factor", 1 / 255))
    if settings.get("do_normalize", True):
        mean, std = (np.asarray(settings[name], dtype=np.float32) for name in ("image_mean", "image_std"))
        pixels = (pixels - mean[:, None, None]) / std[:, None, None]
    return np.ascontiguousarray(pixels)
