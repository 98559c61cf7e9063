"""Decoding on OpenVINO: keys and values are the state of one request."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch
from ipfs_accelerate_py.skills.kept import PAST, PRESENT

ROWS = "beam_idx"  # the input that says which row's keys and values each row goes on with; OpenVINO's own name for it


class OpenVINOEngine:
    """The engine of compiled models: the decoder, and the head's parts by name, compiled when they are first run."""

    def __init__(self, decoder: Any, parts: Mapping[str, Callable[[], Any]]) -> None:
        self._create = decoder.create_infer_request
        self._free = deque([self._create()])
        self._inputs = frozenset(name for port in decoder.inputs for name in port.names)
        self._waiting = dict(parts)
        self._parts: dict[str, Any] = {}

    def run(self, part: str, batch: Batch) -> dict[str, Array]:
        """Return the outputs of one of the head's parts."""
        if part not in self._parts:
            self._parts[part] = self._waiting[part]()
        compiled = self._parts[part]
        request = compiled.create_infer_request()  # several threads may run the same part
        request.infer(dict(batch), share_inputs=True)
        found: dict[str, Array] = {}
        for port in compiled.outputs:  # a compiled one may have a name of OpenVINO's own before ours
            found |= dict.fromkeys(port.names, request.get_tensor(port).data.copy())
        return found

    @contextmanager
    def decoding(self) -> Iterator[OpenVINODecoder]:
        """Give a decoder whose state is empty; while one is at work another gets a request of its own."""
        try:
            request = self._free.pop()
        except IndexError:
            request = self._create()
        try:
            yield OpenVINODecoder(request, self._inputs)
        finally:  # also where the caller stops in the middle: the memory of a long text is not kept
            request.reset_state()
            if not self._free:
                self._free.append(request)


class OpenVINODecoder:
    """A decoder whose cache is the state of a request."""

    def __init__(self, request: Any, inputs: frozenset[str]) -> None:
        self._request = request
        self._inputs = inputs
        self._constants: dict[str, Array] = {}
        self._rows: Array | None = None

    def hold(self, constants: Batch) -> None:
        """Take what stays the same at every step."""
        from openvino import Tensor

        self._constants = {
            name: np.ascontiguousarray(array) for name, array in constants.items() if name in self._inputs
        }
        for name, array in self._constants.items():
            self._request.set_tensor(name, Tensor(array, shared_memory=True))

    def keep(self, past: Batch) -> None:
        """Go on from what layers kept of what was read elsewhere."""
        from openvino import Tensor

        states = {state.name: state for state in self._request.query_state()}
        for name, array in past.items():
            # So `apply_make_stateful_transformation` names a variable: by its input and its output.
            states[name + name.replace(PAST, PRESENT, 1)].state = Tensor(np.ascontiguousarray(array))

    def step(self, batch: Batch) -> Array:
        """Return the logits after the new tokens of each row."""
        feeds = {name: array for name, array in batch.items() if name in self._inputs}
        count = next(iter(feeds.values())).shape[0]
        rows = np.arange(count) if self._rows is None else self._rows
        self._request.infer({**feeds, ROWS: rows.astype(np.int32)}, share_inputs=False)
        self._rows = None
        return self.beside("logits")

    def beside(self, name: str) -> Array:
        """Return what else the graph gave in the last step."""
        found: Array = self._request.get_tensor(name).data.copy()
        return found

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order, from the next step on."""
        self._rows = rows if self._rows is None else self._rows[rows]
        if self._constants:
            self.hold({name: array[rows] for name, array in self._constants.items()})
