"""PyTorch's side: loading weights safely, and pooling where the model runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.arrays import Module
from ipfs_accelerate_py.skills.checkpoint import Checkpoint


def pretrained(
    model_class: Any,
    checkpoint: Checkpoint,
    *,
    dtype: str,
    attention: str,
    config: Mapping[str, Any] = MappingProxyType({}),
) -> Module:
    """Return a `model_class` with the checkpoint's weights, in evaluation mode; only safetensors are read, no code.

    Raises:
        CheckpointError: the weights are missing, damaged, or do not fit the class.
    """
    from transformers.utils import logging

    checkpoint.weights()
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model, report = model_class.from_pretrained(
            checkpoint.folder,
            dtype=dtype,
            attn_implementation=attention,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **config,
        )
    except (OSError, ValueError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"{checkpoint.folder}: {model_class.__name__} cannot be loaded: {first}"
        ) from error
    absent = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    if absent:
        shown = ", ".join(absent[:3]) + (f" and {len(absent) - 3} more" if len(absent) > 3 else "")
        has = checkpoint.config.get("architectures")
        raise CheckpointError(
            f"{checkpoint.folder}: has no weights for {shown}, which {model_class.__name__} needs; its head is {has}. "
            "Ask for the task of that head, or train this one first"
        )
    return model.eval()


def pool(hidden: Any, mask: Any, settings: Mapping[str, Any]) -> Any:
    """Return one vector per text from token vectors `hidden` (texts, tokens, width) where `mask` (texts, tokens) is 1.

    `settings` are those of a checkpoint's `1_Pooling/config.json` with `normalize`; several modes are concatenated in
    the order of sentence-transformers (cls, max, mean, mean over the root of the length).
    """
    import torch

    weights = mask.unsqueeze(-1).to(hidden.dtype)
    count = weights.sum(1).clamp(min=1e-9)
    modes: dict[str, Callable[[], Any]] = {
        "pooling_mode_cls_token": lambda: hidden[:, 0],
        "pooling_mode_max_tokens": lambda: hidden.masked_fill(weights == 0, torch.finfo(hidden.dtype).min)
        .max(1)
        .values,
        "pooling_mode_mean_tokens": lambda: (hidden * weights).sum(1) / count,
        "pooling_mode_mean_sqrt_len_tokens": lambda: (hidden * weights).sum(1) / count.sqrt(),
    }
    pooled = torch.cat([mode() for name, mode in modes.items() if settings.get(name)], dim=-1)
    return torch.nn.functional.normalize(pooled, dim=-1) if settings.get("normalize") else pooled


def pooling(checkpoint: Checkpoint) -> dict[str, bool]:
    """Return how the checkpoint pools token vectors: from its modules.json, else the masked mean.

    Raises:
        CheckpointError: modules.json asks for a pooling or a module that is not known here.
    """
    modules = checkpoint.json_value("modules.json")
    if not modules:
        return {"pooling_mode_mean_tokens": True}
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules]
    if strange := [kind for kind in kinds if kind not in {"Transformer", "Pooling", "Normalize"}]:
        raise CheckpointError(
            f"{checkpoint.folder / 'modules.json'}: {strange[0]} is not one of Transformer, Pooling, Normalize"
        )
    folder = next(
        (module.get("path", "") for module in modules if str(module.get("type", "")).endswith("Pooling")),
        "1_Pooling",
    )
    settings = {
        name: bool(value)
        for name, value in checkpoint.json(f"{folder}/config.json").items()
        if name.startswith("pooling_mode_")
    }
    known = ("cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens")
    chosen = {name: True for name, used in settings.items() if used}
    if strange := [name for name in chosen if name.removeprefix("pooling_mode_") not in known]:
        raise CheckpointError(
            f"{checkpoint.folder / folder}: {strange[0]} is not known; known are {', '.join(known)}"
        )
    return (chosen or {"pooling_mode_mean_tokens": True}) | (
        {"normalize": True} if "Normalize" in kinds else {}
    )
