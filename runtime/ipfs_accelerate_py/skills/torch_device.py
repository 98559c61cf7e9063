"""A PyTorch device: arrays to it and back, and computing there in the precision that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch, Tensors


class TorchDevice:
    """The PyTorch device `name`, and `kind`, the torch.dtype that floating point has there."""

    def __init__(self, name: str, kind: Any) -> None:
        import torch

        self._torch = torch
        self._device = torch.device(name)
        self._kind = kind
        self._here = self._device.type == "cpu"

    def tensors(self, batch: Batch) -> dict[str, Any]:
        """Return `batch` on the device; what is floating point there has the device's own kind."""
        placed: dict[str, Any] = {}
        for name, array in batch.items():
            tensor = self._torch.from_numpy(array)
            if array.dtype.kind == "f":
                tensor = tensor.to(self._device, self._kind)
            elif not self._here:
                tensor = tensor.to(self._device)
            placed[name] = tensor
        return placed

    def index(self, rows: Array) -> Any:
        """Return the numbers of rows, (rows,), as an index on the device."""
        return self._torch.from_numpy(np.ascontiguousarray(rows)).to(self._device)

    def arrays(self, outputs: Tensors) -> dict[str, Array]:
        """Return `outputs` as float32 arrays."""
        return {name: tensor.float().cpu().numpy() for name, tensor in outputs.items()}

    def computing(self) -> AbstractContextManager[Any]:
        """Compute without gradients; on a GPU convolutions are in full float32.

        PyTorch's default for these is TF32, which keeps 10 bits of 23: DETR's masks were 1.05e-3 from the CPU's on an
        H200, while the answer would say float32.
        """
        inference: AbstractContextManager[Any] = self._torch.inference_mode()
        return inference if self._device.type != "cuda" else _full_float32(self._torch, inference)


_lock: Final = Lock()
_inside: list[bool] = []  # for each call that computes: what the user had set before it began


@contextmanager
def _full_float32(torch: Any, inference: AbstractContextManager[Any]) -> Iterator[None]:
    """Turn TF32 off while any call computes: the setting is of the whole process, and calls overlap."""
    cudnn = torch.backends.cudnn
    with _lock:
        _inside.append(_inside[0] if _inside else cudnn.allow_tf32)
        cudnn.allow_tf32 = False
    try:
        with inference:
            yield
    finally:
        with _lock:
            before = _inside.pop()
            if not _inside:
                cudnn.allow_tf32 = before
