"""Decoding on PyTorch: keys and values stay on its device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.arrays import Array, Batch, Module, Tensors
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.head import Graph, Head


class EagerEngine:
    """The engine of an eager model on a PyTorch `device`."""

    def __init__(self, head: Head, model: Module, checkpoint: Checkpoint, *, device: str = "cpu") -> None:
        self._model = model
        self._device = device
        self._graph = head.graph(model, checkpoint)
        self._parts = {name: part.graph(model, checkpoint) for name, part in head.parts.items()}

    def run(self, part: str, batch: Batch) -> dict[str, Array]:
        """Return the outputs of one of the head's parts."""
        import torch

        with torch.inference_mode():
            outputs = self._parts[part](self.tensors(batch))
        return {name: tensor.float().cpu().numpy() for name, tensor in outputs.items()}

    @contextmanager
    def decoding(self) -> Iterator[EagerDecoder]:
        """Give a decoder with an empty cache."""
        from transformers import DynamicCache

        yield EagerDecoder(
            self, self._graph, DynamicCache(config=self._model.config.get_text_config(decoder=True))
        )

    def tensors(self, batch: Batch) -> dict[str, Any]:
        """Return `batch` on the device; what is floating point has the model's own type."""
        import torch

        there = {name: torch.from_numpy(array).to(self._device) for name, array in batch.items()}
        kind = self._model.dtype
        return {name: each.to(kind) if each.is_floating_point() else each for name, each in there.items()}


class EagerDecoder:
    """A decoder whose cache is transformers' own."""

    def __init__(self, engine: EagerEngine, graph: Graph, cache: Any) -> None:
        self._engine = engine
        self._graph = graph
        self._constants: Tensors = {}
        self.cache = cache

    def hold(self, constants: Batch) -> None:
        """Take what stays the same at every step."""
        self._constants = self._engine.tensors(constants)

    def step(self, batch: Batch) -> Array:
        """Return the logits after the new tokens of each row."""
        import torch

        with torch.inference_mode():
            outputs = self._graph({**self._engine.tensors(batch), **self._constants}, self.cache)
        logits: Array = outputs["logits"].float().cpu().numpy()
        return logits

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order."""
        import torch

        order = torch.from_numpy(rows).to(self._engine.tensors({"rows": rows})["rows"].device)
        self._constants = {name: tensor[order] for name, tensor in self._constants.items()}
        with torch.inference_mode():
            self.cache.reorder_cache(order)
