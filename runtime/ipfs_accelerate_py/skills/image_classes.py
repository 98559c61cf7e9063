"""What transformers' image processors do where a preprocessor_config.json is silent, as older ones are; by class.

A test compares both tables with the classes of the installed transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_HALF: Final = [0.5, 0.5, 0.5]
_IMAGENET_MEAN: Final = [0.485, 0.456, 0.406]
_IMAGENET_STD: Final = [0.229, 0.224, 0.225]
_CLIP_MEAN: Final = [0.48145466, 0.4578275, 0.40821073]
_CLIP_STD: Final = [0.26862954, 0.26130258, 0.27577711]

_COMMON: Final[Mapping[str, Any]] = {
    "do_resize": True,
    "resample": 2,  # bilinear
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
}
# Beside what is common; names without ImageProcessor or FeatureExtractor. `default_to_square` says what a size that is
# one number means.
DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Beit": {
        "size": {"height": 224, "width": 224},
        "resample": 3,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": _HALF,
        "image_std": _HALF,
    },
    "Bit": {
        "size": {"shortest_edge": 224},
        "default_to_square": False,
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": _CLIP_MEAN,
        "image_std": _CLIP_STD,
    },
    "Blip": {
        "size": {"height": 384, "width": 384},
        "resample": 3,
        "image_mean": _CLIP_MEAN,
        "image_std": _CLIP_STD,
    },
    "CLIP": {
        "size": {"shortest_edge": 224},
        "default_to_square": False,
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": _CLIP_MEAN,
        "image_std": _CLIP_STD,
    },
    "Chameleon": {
        "size": {"shortest_edge": 512},
        "default_to_square": False,
        "resample": 1,
        "do_center_crop": True,
        "crop_size": {"height": 512, "width": 512},
        "rescale_factor": 0.0078,
        "image_mean": [1.0, 1.0, 1.0],
        "image_std": [1.0, 1.0, 1.0],
    },
    "ChineseCLIP": {
        "size": {"shortest_edge": 224},
        "default_to_square": False,
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": _CLIP_MEAN,
        "image_std": _CLIP_STD,
    },
    "ConditionalDetr": {
        "size": {"shortest_edge": 800, "longest_edge": 1333},
        "default_to_square": False,
        "image_mean": _IMAGENET_MEAN,
        "image_std": _IMAGENET_STD,
        "do_pad": True,
        "max_size": 1333,
    },
    "ConvNext": {
        "size": {"shortest_edge": 384},
        "default_to_square": False,
        "resample": 3,
        "image_mean": _HALF,
        "image_std": _HALF,
        "crop_pct": 0.875,
    },
    "DPT": {"size": {"height": 384, "width": 384}, "resample": 3, "image_mean": _HALF, "image_std": _HALF},
    "DeformableDetr": {
        "size": {"shortest_edge": 800, "longest_edge": 1333},
        "default_to_square": False,
        "image_mean": _IMAGENET_MEAN,
        "image_std": _IMAGENET_STD,
        "do_pad": True,
        "max_size": 1333,
    },
    "DeiT": {
        "size": {"height": 256, "width": 256},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": _HALF,
        "image_std": _HALF,
    },
    "Detr": {
        "size": {"shortest_edge": 800, "longest_edge": 1333},
        "default_to_square": False,
        "image_mean": _IMAGENET_MEAN,
        "image_std": _IMAGENET_STD,
        "do_pad": True,
        "max_size": 1333,
    },
    "Flava": {
        "size": {"height": 224, "width": 224},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": _CLIP_MEAN,
        "image_std": _CLIP_STD,
    },
    "GroundingDino": {
        "size": {"shortest_edge": 800, "longest_edge": 1333},
        "default_to_square": False,
        "image_mean": _IMAGENET_MEAN,
        "image_std": _IMAGENET_STD,
        "do_pad": True,
        "max_size": 1333,
    },
    "Llava": {
        "size": {"shortest_edge": 224},
        "default_to_square": False,
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": _CLIP_MEAN,
        "image_std": _CLIP_STD,
    },
    "MobileNetV1": {
        "size": {"shortest_edge": 256},
        "default_to_square": False,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": _HALF,
        "image_std": _HALF,
    },
    "MobileNetV2": {
        "size": {"shortest_edge": 256},
        "default_to_square": False,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": _HALF,
        "image_std": _HALF,
    },
    "OwlViT": {
        "size": {"height": 768, "width": 768},
        "resample": 3,
        "crop_size": {"height": 768, "width": 768},
        "image_mean": _CLIP_MEAN,
        "image_std": _CLIP_STD,
    },
    "PPChart2Table": {
        "size": {"height": 1024, "width": 1024},
        "resample": 3,
        "image_mean": _CLIP_MEAN,
        "image_std": _CLIP_STD,
    },
    "PoolFormer": {
        "size": {"shortest_edge": 224},
        "default_to_square": False,
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": _IMAGENET_MEAN,
        "image_std": _IMAGENET_STD,
        "crop_pct": 0.9,
    },
    "PromptDepthAnything": {
        "size": {"height": 384, "width": 384},
        "resample": 3,
        "image_mean": _HALF,
        "image_std": _HALF,
    },
    "Pvt": {
        "size": {"height": 224, "width": 224},
        "resample": 3,
        "image_mean": _IMAGENET_MEAN,
        "image_std": _IMAGENET_STD,
    },
    "RTDetr": {
        "size": {"height": 640, "width": 640},
        "default_to_square": False,
        "do_normalize": False,
        "image_mean": _IMAGENET_MEAN,
        "image_std": _IMAGENET_STD,
    },
    "SegGpt": {
        "size": {"height": 448, "width": 448},
        "resample": 3,
        "image_mean": _IMAGENET_MEAN,
        "image_std": _IMAGENET_STD,
    },
    "Segformer": {
        "size": {"height": 512, "width": 512},
        "image_mean": _IMAGENET_MEAN,
        "image_std": _IMAGENET_STD,
    },
    "Siglip": {
        "size": {"height": 224, "width": 224},
        "default_to_square": False,
        "resample": 3,
        "image_mean": _HALF,
        "image_std": _HALF,
    },
    "ViT": {"size": {"height": 224, "width": 224}, "image_mean": _HALF, "image_std": _HALF},
    "VideoMAE": {
        "size": {"shortest_edge": 224},
        "default_to_square": False,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": _HALF,
        "image_std": _HALF,
    },
}

# Those that cut, join, pad or round in a way of their own, or give other tensors as well.
OWN_STEPS: Final[Mapping[str, str]] = dict.fromkeys(
    """
    Aria BridgeTower CohereCompass Cosmos3Edge DeepseekOcr2 DeepseekVL DeepseekVLHybrid Donut
    EfficientLoFTR EfficientNet Eomt Ernie4_5_VLMoe Ernie4_5_VL_Moe Fuyu GLPN Gemma3 Gemma4 Glm46V
    Glm4v Glm5Next GlmImage Glmga GotOcr2 GraniteDocling HunYuanVL Idefics Idefics2 Idefics3
    ImageGPT Janus Kosmos2_5 LayoutLMv2 LayoutLMv3 Levit LightGlue LlavaNext LlavaOnevision
    Mask2Former MaskFormer MiniCPMV4_6 Mllama MobileViT Nougat OneFormer Ovis2 Owlv2 PaddleOCRVL
    Perceiver Pix2Struct Pixtral Qwen2VL Sam Siglip2 SmolVLM SuperGlue SuperPoint Swin2SR TextNet
    TimmWrapper Tvp VideoLlama3 Vilt VitMatte VitPose Yolos ZoeDepth
    """.split(),  # noqa: SIM905 - as text a name is found and sorted at a glance
    "has steps of its own",
)


def defaults(name: str) -> dict[str, Any]:
    """Return the settings of the image processor called `name`; what is common where it is not known."""
    return {**_COMMON, **DEFAULTS.get(name, {})}
