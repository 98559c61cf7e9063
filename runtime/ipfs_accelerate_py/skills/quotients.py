"""Quotients of whole numbers, rounded down while a graph is traced, as PyTorch rounds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import replaced


@contextmanager
def rounded_down() -> Iterator[None]:
    """Within this, `//` of lists of numbers is rounded down below zero, too.

    Both exporters that trace make of it a division that rounds towards zero: of a sound without a rest, the length of
    the rest behind a convolution, `(0 - 1) // 2 + 1`, was one (`models/qwen3_asr`). Single numbers are sizes, which are
    not below zero, and stay as they are.
    """
    import torch

    usual = torch.Tensor.__floordiv__

    def quotient(tensor: Any, by: Any) -> Any:
        if tensor.dim() == 0 or tensor.is_floating_point():
            return usual(tensor, by)
        return torch.div(tensor, by, rounding_mode="floor")

    with replaced((torch.Tensor, "__floordiv__", quotient)):
        yield
