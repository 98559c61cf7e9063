"""The backends by name: a closed list, the other names that people use, and how each runs a model."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ipfs_accelerate_py.errors import unknown


class Backend(StrEnum):
    """A way to run a model; the order is that of every list, table and generated module."""

    CPU = "cpu"
    CUDA = "cuda"
    ROCM = "rocm"
    MPS = "mps"
    XPU = "xpu"
    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"
    QUALCOMM = "qualcomm"
    WEBGPU = "webgpu"
    WEBNN = "webnn"
    WASM = "wasm"


TORCH_BACKENDS: Final = (Backend.CPU, Backend.CUDA, Backend.ROCM, Backend.MPS, Backend.XPU)
"""Run by PyTorch, from the checkpoint itself."""

EXPORTED: Final = (Backend.OPENVINO, Backend.ONNXRUNTIME, Backend.QUALCOMM)
"""Run from an exported bundle, without torch or transformers."""

GENERATED: Final = TORCH_BACKENDS + EXPORTED
"""Those that a generated module has a loader for."""

WEB: Final = (Backend.WEBGPU, Backend.WEBNN, Backend.WASM)
"""Run in a browser or in Node; no loader is generated for them yet."""

ALIASES: Final[Mapping[str, Backend]] = MappingProxyType(
    {
        "torch": Backend.CPU,
        "eager": Backend.CPU,
        "gpu": Backend.CUDA,
        "nvidia": Backend.CUDA,
        "amd": Backend.ROCM,
        "hip": Backend.ROCM,
        "apple": Backend.MPS,
        "metal": Backend.MPS,
        "intel-gpu": Backend.XPU,
        "intel": Backend.OPENVINO,
        "ov": Backend.OPENVINO,
        "onnx": Backend.ONNXRUNTIME,
        "ort": Backend.ONNXRUNTIME,
        "qnn": Backend.QUALCOMM,
        "hexagon": Backend.QUALCOMM,
        "snapdragon": Backend.QUALCOMM,
        "qualcomm-dsp": Backend.QUALCOMM,
        "webassembly": Backend.WASM,
    }
)


def backend(name: str) -> Backend:
    """Return the backend called `name`, whatever its capitals and spaces; aliases are known.

    Raises:
        UnknownName: there is no such backend; the message offers the nearest names.
    """
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    if plain in ALIASES:
        return ALIASES[plain]
    try:
        return Backend(plain)
    except ValueError:
        raise unknown("backend", name, [*(known.value for known in Backend), *ALIASES]) from None
