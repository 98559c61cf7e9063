"""Places that an index chooses, of which there are no more than a text has tokens: a number that a graph asks anew.

An index of sparse attention takes the best `index_topk` places, or all where there are fewer. The smaller of the two is
found by comparing, which a tracer does once: its graph would take the example's number of places, or all of any text.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import with_class


@contextmanager
def by_least() -> Iterator[None]:
    """Within this, `min` is part of the graph in all models that are loaded and have an index."""
    modules = [module for module in with_class("Indexer") if "min" not in vars(module)]
    for module in modules:
        module.min = _least
    try:
        yield
    finally:
        for module in modules:
            del module.min


def _least(*given: Any, **named: Any) -> Any:
    """Return the smallest of what is `given`, which the tracer follows where it is two numbers, one of them traced."""
    import torch

    if len(given) != 2 or named or not any(isinstance(each, torch.Tensor) for each in given):
        return builtins.min(*given, **named)
    return torch.minimum(*(torch.as_tensor(each) for each in given))
