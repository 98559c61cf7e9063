"""Steadiness: does rounding alone move what a small model gives, so that agreement with it would be chance?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipfs_accelerate_py.evidence.comparison import TOLERANCE
from ipfs_accelerate_py.evidence.controls import relative_change
from ipfs_accelerate_py.evidence.disturbed import disturbed

if TYPE_CHECKING:
    from ipfs_accelerate_py.evidence.lab import Bench


def steady(bench: Bench) -> bool:
    """Whether the reference moves by no more than the tolerance if the last bit of each weight is another.

    It is asked of the reference alone: weights that were chosen because a backend agrees with it would prove nothing.
    """
    other = disturbed(bench, _rounded)
    return relative_change(bench.reference(bench.batch), other.reference(bench.batch)) <= TOLERANCE


def _rounded(weight: Any, generator: Any) -> Any:
    """Return `weight` with each number one step up or down, at random."""
    import torch

    away = torch.randint(0, 2, weight.shape, generator=generator).bool()
    limit = torch.full_like(weight, torch.inf)
    return torch.nextafter(weight, limit.where(away, -limit))
