"""Steadiness: does rounding alone move what a small model gives, so that agreement with it would be chance?"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ipfs_accelerate_py.evidence.comparison import TOLERANCE
from ipfs_accelerate_py.evidence.controls import relative_change

if TYPE_CHECKING:
    from ipfs_accelerate_py.evidence.lab import Bench

_SEED: Final = 3


def steady(bench: Bench) -> bool:
    """Whether the reference moves by no more than the tolerance if the last bit of each weight is another.

    It is asked of the reference alone: weights that were chosen because a backend agrees with it would prove nothing.
    """
    other = replace(bench)
    other.__dict__["model"] = _rounded(bench.model)  # where the property keeps it
    batch = bench.batch
    return relative_change(bench.reference(batch), other.reference(batch)) <= TOLERANCE


def _rounded(model: Any) -> Any:
    """Return a copy of `model` with each weight one step up or down, at random."""
    import torch

    copy, generator = deepcopy(model), torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for parameter in copy.parameters():
            if parameter.is_floating_point():
                away = torch.randint(0, 2, parameter.shape, generator=generator).bool()
                limit = torch.full_like(parameter, torch.inf)
                parameter.copy_(torch.nextafter(parameter, limit.where(away, -limit)))
    return copy
