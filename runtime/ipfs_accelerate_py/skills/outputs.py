"""Arrays where a model runs: a tensor somewhere in its output, and what each token written sees of them."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_py.skills.arrays import Tensors
from ipfs_accelerate_py.skills.calls import WRITTEN, answered


def found_at(output: Any, path: tuple[str | int, ...], *, whole: bool = False) -> Any:
    """Return the tensor to which `path`, fields and places, leads from `output`, in real numbers; see `answered`."""
    for key in path:
        output = output[key]
    return answered(output, whole=whole)


def beside(output: Any, *, whole: bool = False) -> Any:
    """Return an output that belongs to another's answer: what is real as `answered`, numbers of things as they are."""
    found = output.float() if output.is_floating_point() else output.long()
    return found.unsqueeze(0) if whole else found


def grown(batch: Tensors, name: str) -> dict[str, Any]:
    """Return `batch` with a row in `name`, (rows, tokens, ...), for each token written: that of the last before it."""
    import torch

    known, new = batch[name], batch[WRITTEN].shape[1]
    last = known[:, -1:].repeat_interleave(new, dim=1)
    return {**batch, name: torch.cat([known, last], dim=1)}
