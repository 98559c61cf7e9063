"""A PyTorch device: arrays to it and back, and computing there in the precision that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Lock
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch, Tensors


class TorchDevice:
    """The PyTorch device `name`, and `kind`, the torch.dtype that floating point has there."""

    # What follows is written for few calls, each in the plainest form: after a model has computed the caches are cold,
    # and a call of Python takes microseconds.

    def __init__(self, name: str, kind: Any) -> None:
        import torch

        self._tensor = torch.from_numpy
        self._device = torch.device(name)
        self._kind = kind
        self._here = self._device.type == "cpu"
        self._plain = torch.float32 if self._here else None  # what is this needs no way back
        inference: Callable[[], AbstractContextManager[Any]] = torch.inference_mode
        # Computes without gradients; on a GPU convolutions are in full float32. PyTorch's default for these is TF32,
        # which keeps 10 bits of 23: DETR's masks were 1.05e-3 from the CPU's on an H200, while the answer would say
        # float32.
        self.computing = partial(_full_float32, torch) if self._device.type == "cuda" else inference

    def tensors(self, batch: Batch) -> dict[str, Any]:
        """Return `batch` on the device; what is floating point there has the device's own kind."""
        placed: dict[str, Any] = {}
        make = self._tensor
        for name, array in batch.items():
            tensor = make(array)
            if array.dtype.kind == "f":
                tensor = tensor.to(self._device, self._kind)
            elif not self._here:
                tensor = tensor.to(self._device)
            placed[name] = tensor
        return placed

    def index(self, rows: Array) -> Any:
        """Return the numbers of rows, (rows,), as an index on the device."""
        return self._tensor(np.ascontiguousarray(rows)).to(self._device)

    def arrays(self, outputs: Tensors) -> dict[str, Array]:
        """Return `outputs` as float32 arrays."""
        arrays: dict[str, Array] = {}
        for name, tensor in outputs.items():
            arrays[name] = (tensor if tensor.dtype is self._plain else tensor.float().cpu()).numpy()
        return arrays


_lock: Final = Lock()
_inside: list[list[Any]] = []  # for each call that computes: what the user had set before it began


@contextmanager
def _full_float32(torch: Any) -> Iterator[None]:
    """Turn TF32 off while any call computes: the setting is of the whole process, and calls overlap."""
    switches, off = _tf32(torch.backends.cudnn)
    with _lock:
        _inside.append(_inside[0] if _inside else [getattr(*switch) for switch in switches])
        for switch in switches:
            setattr(*switch, off)
    try:
        with torch.inference_mode():
            yield
    finally:
        with _lock:
            before = _inside.pop()
            if not _inside:
                for switch, value in zip(switches, before, strict=True):
                    setattr(*switch, value)


def _tf32(cudnn: Any) -> tuple[list[tuple[Any, str]], Any]:
    """Return where cuDNN's TF32 is switched, and the value that turns it off.

    The one switch of PyTorch before 2.9 cannot be read where a user has set the newer ones, of each kind of operator,
    and leaves TF32 on where they inherit it.
    """
    if not hasattr(cudnn, "conv"):
        return [(cudnn, "allow_tf32")], False
    return [(cudnn.conv, "fp32_precision"), (cudnn.rnn, "fp32_precision")], "ieee"
