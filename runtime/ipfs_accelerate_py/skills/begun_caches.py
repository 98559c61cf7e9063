"""Caches that begin while a graph is traced, with as many axes as what they are to keep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import replaced


@contextmanager
def with_axes() -> Iterator[None]:
    """Within this, a layer of a cache begins with no places of the very axes that it is given.

    Transformers puts a list of no numbers in front of the first keys (`cache_utils.py::DynamicLayer`), which PyTorch
    joins to what has four axes, and OpenVINO does not.
    """
    from transformers.cache_utils import DynamicLayer

    usual = DynamicLayer.lazy_initialization

    def begun(self: Any, key_states: Any, value_states: Any) -> None:
        usual(self, key_states, value_states)
        self.keys, self.values = key_states[..., :0, :], value_states[..., :0, :]

    with replaced((DynamicLayer, "lazy_initialization", begun)):
        yield
