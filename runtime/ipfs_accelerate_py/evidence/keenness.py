"""Keenness: would the comparison show that the weights are a little wrong?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ipfs_accelerate_py.evidence.comparison import TOLERANCE, Array, apart, unbounded
from ipfs_accelerate_py.evidence.controls import Control
from ipfs_accelerate_py.evidence.disturbed import disturbed

if TYPE_CHECKING:
    from ipfs_accelerate_py.evidence.lab import Bench

_WRONG: Final = 0.01  # of each weight, one standard deviation; sound models then move by 2 to 8 %


def keenness(bench: Bench) -> list[Control]:
    """Return how large a part of each real output differs by more than the tolerance if each weight is 1 % off.

    A sigmoid that gives 0 or 1 whatever it is given, a score that stands beside a filler of -10000, a result that is
    the input itself: every backend agrees with them, and no wrong number in an input need show it. Choices, such as
    token numbers, are the same for weights nearly right, and are not asked. Of 140 outputs of small models nine in
    ten move in all places but one in a hundred, and those that prove nothing in at most one in sixteen.
    """
    before, after = (each.reference(bench.batch) for each in (bench, disturbed(bench, _off)))
    return [
        Control(f"weights 1 % off, in {name}", _told(after[name], right))
        for name, right in before.items()
        if right.dtype.kind == "f" and right.size
    ]


def _told(got: Array, want: Array) -> float:
    """Return the share of the finite numbers that differ by more than allowed; 1 where even the shape is another."""
    if got.shape != want.shape:
        return 1.0
    there, right = unbounded(got), unbounded(want)
    finite = np.isfinite(right)
    return float((apart(there, right)[finite] > TOLERANCE).mean()) if finite.any() else 0.0


def _off(weight: Any, generator: Any) -> Any:
    import torch

    return weight * (1 + _WRONG * torch.randn(weight.shape, generator=generator, dtype=weight.dtype))
