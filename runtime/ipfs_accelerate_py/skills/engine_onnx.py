"""Decoding on ONNX Runtime: keys and values go from one step to the next as its own values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch

_PAST, _PRESENT = "past.", "present."


class OnnxEngine:
    """The engine of sessions: the decoder's, and those of the head's parts by name, made when they are first run."""

    def __init__(self, decoder: Any, parts: Mapping[str, Callable[[], Any]]) -> None:
        self._decoder = decoder
        self._waiting = dict(parts)
        self._parts: dict[str, Any] = {}

    def run(self, part: str, batch: Batch) -> dict[str, Array]:
        """Return the outputs of one of the head's parts."""
        if part not in self._parts:
            self._parts[part] = self._waiting[part]()
        session = self._parts[part]
        names = [port.name for port in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(batch)), strict=True))

    @contextmanager
    def decoding(self) -> Iterator[OnnxDecoder]:
        """Give a decoder with an empty cache."""
        yield OnnxDecoder(self._decoder)


class OnnxDecoder:
    """A decoder whose cache is a set of values of ONNX Runtime."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._shapes = {port.name: port.shape for port in session.get_inputs()}
        self._outputs = [port.name for port in session.get_outputs()]
        self._constants: dict[str, Any] = {}
        self._past: dict[str, Any] = {}
        self._beside: dict[str, Any] = {}

    def hold(self, constants: Batch) -> None:
        """Take what stays the same at every step."""
        self._constants = self._values(constants)

    def keep(self, past: Batch) -> None:
        """Go on from what layers kept of what was read elsewhere."""
        self._past = self._values(past)

    def step(self, batch: Batch) -> Array:
        """Return the logits after the new tokens of each row."""
        feeds = self._values(batch)
        if not self._past:
            self._past = self._values(self._empty(next(iter(batch.values())).shape[0]))
        given = {**feeds, **self._constants, **self._past}
        found = dict(zip(self._outputs, self._session.run_with_ort_values(self._outputs, given), strict=True))
        logits: Array = found.pop("logits").numpy()
        present = {name: value for name, value in found.items() if name.startswith(_PRESENT)}
        self._past = {name.replace(_PRESENT, _PAST): value for name, value in present.items()}
        self._beside = {name: value for name, value in found.items() if name not in present}
        return logits

    def beside(self, name: str) -> Array:
        """Return what else the graph gave in the last step."""
        found: Array = self._beside[name].numpy()
        return found

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order."""
        self._constants = self._values({name: each.numpy()[rows] for name, each in self._constants.items()})
        self._past = self._values({name: each.numpy()[rows] for name, each in self._past.items()})

    def _empty(self, rows: int) -> dict[str, Array]:
        """Return what is kept of no tokens: nothing along an axis that grows, and states of zeros."""
        shapes = {name: shape for name, shape in self._shapes.items() if name.startswith(_PAST)}
        return {
            name: np.zeros(
                (rows, *(size if isinstance(size, int) else 0 for size in shape[1:])), dtype=np.float32
            )
            for name, shape in shapes.items()
        }

    def _values(self, batch: Batch) -> dict[str, Any]:
        from onnxruntime import OrtValue

        return {
            name: OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
            for name, array in batch.items()
            if name in self._shapes
        }
