"""Texts behind learned prompts, whose mask is made of truth values alone while a graph is traced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.cache import once
from ipfs_accelerate_py.skills.replacing import in_classes, in_models, replaced

_MODEL = "CpmAntModel"


@contextmanager
def masked_by_truth() -> Iterator[None]:
    """Within this, CPM-Ant's mask is computed for texts of any length, and its empty cache is filled once.

    transformers takes the bitwise "or" of numbers and truth values, which ONNX lacks, and counts the places of a text
    in a list of Python, which an export keeps (`models/cpmant`).
    """
    with replaced(
        *in_classes({_MODEL: _mask}, "_prepare_attention_mask"),
        *in_models({"DynamicCache": lambda config=None: once()}, beside=_MODEL),
    ):
        yield


def _mask(self: Any, input_ids: Any, span: Any, context: Any, length: Any) -> Any:
    """Return which places (rows, tokens, tokens) see which, as truth values.

    What is context is seen by all of its span, and the rest by what comes behind it. The prompt comes first, and then
    what fills a row up to the length of the longest.
    """
    import torch

    tokens = input_ids.size(1)
    places = torch.arange(tokens, device=input_ids.device)
    known = context != 0
    behind = places <= places.unsqueeze(1)
    seen = known[:, None, :] | (~known[:, :, None] & behind)
    seen = seen & (span[:, None, :] == span[:, :, None])
    there = (places < self.prompt_length) | (tokens - 1 - places < length[:, None])
    return there[:, :, None] & there[:, None, :] & seen
