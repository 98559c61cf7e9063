"""Decoding on PyTorch: keys and values stay on its device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills import kept
from ipfs_accelerate_py.skills.arrays import Array, Batch, Module, Tensors
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.head import Graph, Head
from ipfs_accelerate_py.skills.torch_device import TorchDevice


def empty_cache(model: Module) -> Any:
    """Return an empty cache of transformers for `model`, with the layers that its configuration asks for."""
    from transformers import DynamicCache

    return DynamicCache(config=model.config.get_text_config(decoder=True))


class EagerEngine:
    """The engine of an eager model on a PyTorch `device`."""

    def __init__(self, head: Head, model: Module, checkpoint: Checkpoint, *, device: str = "cpu") -> None:
        self._model = model
        self._there = TorchDevice(device, model.dtype)
        self._graph = head.graph(model, checkpoint)
        self._parts = {name: part.graph(model, checkpoint) for name, part in head.parts.items()}

    def run(self, part: str, batch: Batch) -> dict[str, Array]:
        """Return the outputs of one of the head's parts."""
        with self._there.computing():
            outputs = self._parts[part](self._there.tensors(batch))
        return self._there.arrays(outputs)

    @contextmanager
    def decoding(self) -> Iterator[EagerDecoder]:
        """Give a decoder with an empty cache."""
        yield EagerDecoder(self._there, self._graph, empty_cache(self._model))


class EagerDecoder:
    """A decoder whose cache is transformers' own."""

    def __init__(self, there: TorchDevice, graph: Graph, cache: Any) -> None:
        self._there = there
        self._graph = graph
        self._constants: Tensors = {}
        self.outputs: Tensors = {}  # of the last step
        self.cache = cache

    def hold(self, constants: Batch) -> None:
        """Take what stays the same at every step."""
        self._constants = self._there.tensors(constants)

    def keep(self, past: Batch) -> None:
        """Go on from what layers kept of what was read elsewhere."""
        kept.fill(kept.unbounded(self.cache), self._there.tensors(past))

    def step(self, batch: Batch) -> Array:
        """Return the logits after the new tokens of each row."""
        with self._there.computing():
            self.outputs = self._graph({**self._there.tensors(batch), **self._constants}, self.cache)
        return self.beside("logits")

    def beside(self, name: str) -> Array:
        """Return what else the graph gave in the last step."""
        return self._there.arrays({name: self.outputs[name]})[name]

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order."""
        order = self._there.index(rows)
        self._constants = {name: tensor[order] for name, tensor in self._constants.items()}
        with self._there.computing():
            self.cache.reorder_cache(order)
