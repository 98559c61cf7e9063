"""The types that cross between a handler and a backend: NumPy arrays by tensor name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Features = Mapping[str, Array]  # one row: no batch axis
Batch = Mapping[str, Array]  # rows stacked: axis 0 is the row
Forward = Callable[[Batch], dict[str, Array]]
Tensors = Mapping[str, Any]  # torch tensors by name; torch is an unchecked library, so Any
Module = Any  # a torch.nn.Module, likewise
