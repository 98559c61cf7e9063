"""PyTorch's side of two towers: vectors whose inner product is the logit that the model would give."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.arrays import Module


def compared(model: Module, vectors: Any) -> Any:
    """Return what is compared, (batch, width), as vectors of length 1, with a 1 behind each that meets the bias."""
    import torch

    unit = vectors / vectors.norm(p=2, dim=-1, keepdim=True)
    return torch.cat([unit, torch.ones_like(unit[:, :1])], dim=-1) if _biased(model) else unit


def scaled(model: Module, vectors: Any) -> Any:
    """Return what the others are compared with, (batch, width), times the model's scale, with its bias behind each.

    Raises:
        CheckpointError: the model has no scale under a name that is known here.
    """
    import torch

    unit = vectors / vectors.norm(p=2, dim=-1, keepdim=True) * _scale(model)
    return torch.cat([unit, model.logit_bias.expand(unit.shape[0], 1)], dim=-1) if _biased(model) else unit


def ones_for(features: Any) -> Any:
    """Return (batch, 1) true: each sound counts as one that was longer than the window, of which parts are fused.

    A model that fuses nothing does not look at it. Of one that does, transformers' extractor says so of any sound that
    is alone, and in a batch of short ones of a random one.
    """
    import torch

    return torch.ones_like(features[:, 0, 0, :1], dtype=torch.bool)


def _biased(model: Module) -> bool:
    return "logit_bias" in dict(model.named_parameters(recurse=False))


def _scale(model: Module) -> Any:
    own = dict(model.named_parameters(recurse=False))
    if "logit_scale" in own:
        return own["logit_scale"].exp()
    if "logit_scale_a" in own:
        return own["logit_scale_a"].exp()
    if "temperature" in own:
        return 1 / own["temperature"]
    raise CheckpointError(
        f"{type(model).__name__} has none of logit_scale, logit_scale_a and temperature, so how its two vectors are "
        "compared is not known"
    )
