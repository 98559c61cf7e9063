"""PyTorch's side of models whose pictures come as arrays: their own method makes vectors of them."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from ipfs_accelerate_py.skills.arrays import Module


def shown(model: Module, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the model puts into a text for its pictures, {"vectors": (vectors, width)}."""
    import torch

    inner = model if hasattr(model, "get_image_features") else model.base_model
    found = inner.get_image_features(**arrays).pooler_output
    each = [found] if torch.is_tensor(found) else found
    return {"vectors": torch.cat([vectors.reshape(-1, vectors.shape[-1]) for vectors in each])}


def following(model: Module, **tensors: Any) -> Any:
    """Return the logits after each row, (batch, vocabulary): of the last token alone, where the class can do so."""
    last = {"logits_to_keep": 1} if "logits_to_keep" in signature(model.forward).parameters else {}
    return model(**tensors, **last, use_cache=True).logits[:, -1]
