"""Arrays by name where a model runs: as its forward takes them, in rows or, where these hang together, call by call."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_py.skills.arrays import Batch, Forward, Tensors
from ipfs_accelerate_py.skills.given import CALL, Inputs
from ipfs_accelerate_py.skills.head import Head


def called(batch: Tensors, inputs: Inputs, *, whole: bool = False) -> dict[str, Any]:
    """Return the arguments of the model's forward: booleans as such, a whole call without the axis before it."""
    arguments: dict[str, Any] = {}
    for name, each in inputs.items():
        tensor = batch[name][0] if whole else batch[name]
        arguments[name] = tensor.bool() if each.dtype == "bool" else tensor
    return arguments


def answered(output: Any, *, whole: bool = False) -> Any:
    """Return an output in real numbers, with the axis of the call before it that every head's outputs have."""
    found = output.float()
    return found.unsqueeze(0) if whole else found


def one_by_one(head: Head, forward: Forward, batch: Batch) -> dict[str, Any]:
    """Return the outputs of `batch`, of whole calls each by itself: they differ in size, so they come as a list."""
    first = next(iter(head.inputs.values()))
    count = len(next(iter(batch.values())))
    if count == 1 or first.axes[0] != CALL:
        return forward(batch)
    outputs = [forward({name: array[row : row + 1] for name, array in batch.items()}) for row in range(count)]
    return {name: [each[name][0] for each in outputs] for name in head.outputs}
