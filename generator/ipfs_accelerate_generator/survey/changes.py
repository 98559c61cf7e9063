"""How much an output moves when what goes in is another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def unmasked(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return `inputs` with a mask of the text that hides nothing."""
    import torch

    return inputs | {"attention_mask": torch.ones_like(inputs["attention_mask"])}


def change(before: Any, after: Any, inputs: Mapping[str, Any]) -> float:
    """Return the largest change of the output, relative to its largest value."""
    if after.shape != before.shape:  # as many results as the model found: another number is a change
        return float("inf")
    moved, mask = (after - before).abs(), inputs.get("attention_mask")
    if mask is not None and moved.shape[: mask.dim()] == mask.shape:
        moved = moved[mask.bool()]  # what comes out at padding matters to nobody
    return float(moved.max() / before.abs().max().clamp(min=1e-12))
