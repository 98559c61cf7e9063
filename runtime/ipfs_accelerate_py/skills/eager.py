"""PyTorch's side: loading weights safely, and pooling where the model runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.arrays import Module
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.forgetting import forgetful

# Weights that many checkpoints lack and no answer here uses: a pooler, and what training hides frames with.
_UNTRAINED = ("pooler", "masked_spec_embed")


def pretrained(
    model_class: Any,
    checkpoint: Checkpoint,
    *,
    dtype: str,
    attention: str | None = None,
    config: Mapping[str, Any] = MappingProxyType({}),
) -> Module:
    """Return a `model_class` with the checkpoint's weights, in evaluation mode; only safetensors are read, no code.

    `attention` is an implementation that transformers knows; None is the fastest that the class has.

    Raises:
        CheckpointError: the weights are missing, damaged, or do not fit the class.
    """
    from transformers.utils import logging

    checkpoint.weights()
    had_bar = logging.is_progress_bar_enabled()
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
    finally:
        if had_bar:
            logging.enable_progress_bar()
    absent = sorted(key for key in report["missing_keys"] if not any(part in key for part in _UNTRAINED))
    if absent:
        shown = ", ".join(absent[:3]) + (f" and {len(absent) - 3} more" if len(absent) > 3 else "")
        has = checkpoint.config.get("architectures")
        raise CheckpointError(
            f"{checkpoint.folder}: has no weights for {shown}, which {model_class.__name__} needs; its head is {has}. "
            "Ask for the task of that head, or train this one first"
        )
    return forgetful(model.eval())


def filler(model: Module) -> int:
    """Return the id that `model` takes for padding; a model that knows none is told the id that begins a text.

    A decoder judges a text by its last token that is not this one. A checkpoint without a padding token judges each
    text by its very last token, and no text ends with the one that begins it.
    """
    config = model.config.get_text_config()
    if config.pad_token_id is None:
        known = (config.bos_token_id, config.eos_token_id)
        config.pad_token_id = next((each for each in known if isinstance(each, int)), 0)
    return int(config.pad_token_id)


def filled(ids: Any, mask: Any, pad: int) -> Any:
    """Return token ids (texts, tokens) with `pad` wherever `mask` is 0."""
    return ids.masked_fill(mask == 0, pad)


@dataclass(frozen=True)
class Pooling:
    """How token vectors become one vector per text: by several modes, what they give is concatenated."""

    modes: tuple[str, ...] = ("mean",)
    normalize: bool = False


def pool(hidden: Any, mask: Any, settings: Pooling) -> Any:
    """Return one vector per text from token vectors `hidden` (texts, tokens, width) where `mask` (texts, tokens) is 1.

    The mask is 1 at the first token and 0 after the last: texts are filled up on the right.
    """
    import torch

    pooled = torch.cat([_pooled(hidden, mask, mode) for mode in settings.modes], dim=-1)
    return torch.nn.functional.normalize(pooled, dim=-1) if settings.normalize else pooled


def frame_mask(model: Module, mask: Any, frames: int) -> Any:
    """Return 1 for each of the `frames` that `model` makes of what `mask` (sounds, samples) shows: (sounds, frames).

    A model that takes samples knows itself how many frames it makes of them; of a spectrogram, where `mask` is about
    its columns, a frame is made of as many columns as there are more of them.
    """
    lengths = getattr(model, "_get_feat_extract_output_lengths", None)
    if lengths is None:
        return mask[:, :: mask.shape[1] // frames]
    import torch

    counts = lengths(mask.sum(1)).to(torch.int64)
    return (torch.arange(frames, device=mask.device) < counts.unsqueeze(1)).to(mask.dtype)


def _pooled(hidden: Any, mask: Any, mode: str) -> Any:
    import torch

    if mode == "cls":
        return hidden[:, 0]
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    if mode == "max":
        return hidden.masked_fill(weights == 0, torch.finfo(hidden.dtype).min).max(1).values
    if mode == "lasttoken":
        last = mask.cumsum(1) * mask == mask.sum(1, keepdim=True)
        return (hidden * last.unsqueeze(-1)).sum(1)
    if mode == "weightedmean":  # 1, 2, 3, ... up to the last token
        weights = weights.cumsum(1) * weights
    count = weights.sum(1).clamp(min=1e-9)
    return (hidden * weights).sum(1) / (count.sqrt() if mode == "mean_sqrt_len_tokens" else count)


def pooling(checkpoint: Checkpoint) -> Pooling:
    """Return how the checkpoint pools token vectors: from its modules.json, else the masked mean.

    Raises:
        CheckpointError: modules.json asks for a pooling or a module that is not known here.
    """
    modules = checkpoint.json_value("modules.json")
    if not modules:
        return Pooling()
    path = checkpoint.folder / "modules.json"
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise CheckpointError(f"{path}: is not a list of modules; fetch it again")
    chain = [(str(module.get("type")).rpartition(".")[2], module.get("path")) for module in modules]
    known = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    if chain not in (known, known[:2]):
        found = ", ".join(f"{kind} in {place!r}" for kind, place in chain)
        raise CheckpointError(
            f"{path}: has {found}; known is Transformer in '', Pooling in '1_Pooling' and, or not, Normalize in "
            "'2_Normalize'"
        )
    return Pooling(_modes(checkpoint), normalize=len(chain) > 2)


# The switches of files before sentence-transformers 6, in the order in which several are concatenated.
_SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


def _modes(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return the modes of 1_Pooling/config.json, written as one name, as a list of names, or as switches."""
    settings = checkpoint.json("1_Pooling/config.json")
    names = settings.get("pooling_mode")
    if names is None:
        used = [name for name in settings if name.startswith("pooling_mode_") and settings[name]]
        names = [mode for switch, mode in _SWITCHES.items() if switch in used]
        names = names + [name for name in used if name not in _SWITCHES] or ["mean"]
    names = names if isinstance(names, list) else [names]
    if strange := [name for name in names if name not in _SWITCHES.values()]:
        known = ", ".join(_SWITCHES.values())
        raise CheckpointError(
            f"{checkpoint.folder / '1_Pooling/config.json'}: pooling {strange[0]!r} is not known; known are {known}"
        )
    return tuple(names)
