"""What rows do to each other: whether what a shorter one is filled up with changes what comes of it."""

from __future__ import annotations

import inspect
from typing import Any, Final

from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.running import Feed, forward
from ipfs_accelerate_generator.survey.subject import Candidate

_LEAST: Final = 1e-3  # of the largest value; other orders of sums make a tenth of it
_FILLED: Final = 4  # tokens behind a text of a model that has no mask
_READ: Final = frozenset(
    {"input_ids", "attention_mask", "token_type_ids", "decoder_input_ids", "input_values", "input_features"}
)


def spoilt(candidate: Candidate, model: Any, feed: Feed) -> bool:
    """Whether a text or a sound that is filled up beside a longer one gets another result than alone.

    Convolutions read beyond a mask, and a decoder that counts its own positions counts what stands before a prompt.
    """
    if not _READ.issuperset(feed.names) or candidate.method or feed.shape.batch == 1:
        return False
    try:
        if "attention_mask" in feed.names:
            return _differs(candidate, model, feed)
        return "input_ids" in feed.names and _reads_filling(candidate, model, feed)
    except FOREIGN:
        return False


def _differs(candidate: Candidate, model: Any, feed: Feed) -> bool:
    """Whether the shorter row of a batch differs from what it is when nothing is filled up."""
    writes = candidate.task == "text-generation"
    together = feed.made(left=True) if writes else feed.made()
    mask = together["attention_mask"]
    real = mask[1].bool()
    if bool(real.all()):
        return False
    for name, each in together.items():
        if each.shape == mask.shape and name != "attention_mask":
            together[name] = each.where(mask.bool(), _filling(model, name))
    if writes and "position_ids" in inspect.signature(candidate.call).parameters:
        together["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
    alone = {
        name: each[1:2, real] if each.shape[:2] == mask.shape else each[1:2]
        for name, each in together.items()
    }
    found, want = (forward(model, each)[feed.output] for each in (together, alone))
    if writes:
        return _apart(found[1:2, -1], want[:, -1])
    if found.dim() > 1 and found.shape[1] == mask.shape[1]:
        return _apart(found[1:2, real], want)
    return _apart(found[1:2, : want.shape[1]] if found.dim() > 1 else found[1:2], want)


def _reads_filling(candidate: Candidate, model: Any, feed: Feed) -> bool:
    """Whether a text without a mask differs from itself with padding behind it."""
    import torch

    alone = {name: each[:1] for name, each in feed.made().items()}
    shape = alone["input_ids"].shape
    longer = {
        name: (
            torch.cat([each, torch.full_like(each[..., :_FILLED], _filling(model, name))], dim=-1)
            if each.shape == shape
            else each
        )
        for name, each in alone.items()
    }
    want, found = (forward(model, each)[feed.output] for each in (alone, longer))
    return _apart(found[:, : want.shape[1]] if found.dim() > 1 else found, want)


def _filling(model: Any, name: str) -> int:
    """Return what the input `name` is filled up with: of ids the one for padding, as far as the model knows one."""
    return (getattr(model.config, "pad_token_id", None) or 0) if name.endswith("input_ids") else 0


def _apart(found: Any, want: Any) -> bool:
    if found.shape != want.shape:
        return False
    return bool((found - want).abs().max() > _LEAST * want.abs().max().clamp(min=1e-12))
