"""Disturbed models: a bench whose eager model has each weight a little otherwise, to see what that moves."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ipfs_accelerate_py.evidence.lab import Bench

_SEED: Final = 3


def disturbed(bench: Bench, change: Callable[[Any, Any], Any]) -> Bench:
    """Return `bench` with a copy of its model; each weight is what `change` gives for it and a random generator."""
    import torch

    model, generator = deepcopy(bench.model), torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.copy_(change(parameter, generator))
    other = replace(bench)
    other.__dict__["model"] = model  # where the property keeps it
    return other
