"""What a model gives, where it runs: a tensor somewhere in its output, found by the way that leads to it."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_py.skills.calls import answered


def found_at(output: Any, path: tuple[str | int, ...], *, whole: bool = False) -> Any:
    """Return the tensor to which `path`, fields and places, leads from `output`, in real numbers; see `answered`."""
    for key in path:
        output = output[key]
    return answered(output, whole=whole)
