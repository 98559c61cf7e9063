"""Which image processors have steps of their own here, by class, and what each does where a file is silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.image_steps import (
    Settings,
    donut,
    dpt,
    efficientnet,
    glpn,
    levit,
    maskformer,
    mobilevit,
    perceiver,
    superpoint,
    swin2sr,
    textnet,
    vilt,
    yolos,
)

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Step = Callable[["Picture", Settings], Array]

_HALF: Final = [0.5, 0.5, 0.5]
_IMAGENET_MEAN: Final = [0.485, 0.456, 0.406]
_IMAGENET_STD: Final = [0.229, 0.224, 0.225]
_COMMON: Final[Settings] = {
    "do_resize": True,
    "resample": 2,  # bilinear
    "do_center_crop": False,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "do_pad": True,
}
_SMALL: Final[Settings] = {"resample": 3, "size": {"height": 224, "width": 224}, "do_center_crop": True}
_MASKED: Final[Settings] = {
    "size": {"shortest_edge": 800, "longest_edge": 1333},
    "size_divisor": 32,
    "image_mean": _IMAGENET_MEAN,
    "image_std": _IMAGENET_STD,
}
STEPS: Final[Mapping[str, tuple[Step, Settings]]] = {
    "DPT": (
        dpt,
        {
            "resample": 3,
            "size": {"height": 384, "width": 384},
            "keep_aspect_ratio": False,
            "ensure_multiple_of": 1,
            "image_mean": _HALF,
            "image_std": _HALF,
            "do_pad": False,
        },
    ),
    "Donut": (
        donut,
        {
            "size": {"height": 2560, "width": 1920},
            "do_thumbnail": True,
            "do_align_long_axis": False,
            "image_mean": _HALF,
            "image_std": _HALF,
        },
    ),
    "EfficientNet": (
        efficientnet,
        {
            "resample": 3,
            "size": {"height": 346, "width": 346},
            "crop_size": {"height": 289, "width": 289},
            "rescale_offset": False,
            "include_top": True,
            "image_mean": _HALF,
            "image_std": _HALF,
        },
    ),
    "GLPN": (glpn, {"size_divisor": 32, "do_normalize": False}),
    "Levit": (
        levit,
        {
            **_SMALL,
            "size": {"shortest_edge": 224},
            "crop_size": {"height": 224, "width": 224},
            "image_mean": _IMAGENET_MEAN,
            "image_std": _IMAGENET_STD,
        },
    ),
    "Mask2Former": (maskformer, _MASKED),
    "MaskFormer": (maskformer, _MASKED),
    "MobileViT": (
        mobilevit,
        {
            **_SMALL,
            "size": {"shortest_edge": 224},
            "crop_size": {"height": 256, "width": 256},
            "do_flip_channel_order": True,
        },
    ),
    "Perceiver": (
        perceiver,
        {
            **_SMALL,
            "crop_size": {"height": 256, "width": 256},
            "image_mean": _IMAGENET_MEAN,
            "image_std": _IMAGENET_STD,
        },
    ),
    "SuperPoint": (superpoint, {"size": {"height": 480, "width": 640}, "do_grayscale": False}),
    "Swin2SR": (swin2sr, {"size_divisor": 8}),
    "TextNet": (
        textnet,
        {
            "size": {"shortest_edge": 640},
            "size_divisor": 32,
            "crop_size": {"height": 224, "width": 224},
            "image_mean": _IMAGENET_MEAN,
            "image_std": _IMAGENET_STD,
        },
    ),
    "Vilt": (
        vilt,
        {
            "resample": 3,
            "size": {"shortest_edge": 384},
            "size_divisor": 32,
            "image_mean": _HALF,
            "image_std": _HALF,
        },
    ),
    "Yolos": (
        yolos,
        {
            "size": {"shortest_edge": 800, "longest_edge": 1333},
            "image_mean": _IMAGENET_MEAN,
            "image_std": _IMAGENET_STD,
        },
    ),
}
"""By what the names of a class in all releases share: its function, and what it does where a file is silent."""

ROUNDED_DOWN: Final = frozenset({"GLPN"})
"""Those by whom a small image is refused, for its sides are rounded down to nothing."""
SHAPE_KEPT: Final = frozenset({"GLPN", "Mask2Former", "MaskFormer", "Swin2SR", "TextNet", "Vilt", "Yolos"})
"""Those that leave an image as wide or high as it was, more or less; without a mask two shapes are no batch."""


def steps(name: str, written: Settings) -> tuple[Step, dict[str, Any]] | None:
    """Return the function of the image processor called `name`, with its settings; None where it has none here."""
    if name not in STEPS:
        return None
    function, silent = STEPS[name]
    said = {key: value for key, value in written.items() if value is not None}
    return function, {**_COMMON, **silent, **said}
