"""The child process of a probe, run as a module with the arguments `BACKEND [DEVICE ...]`.

It multiplies a small matrix by itself on each device of one backend, except those named, and reports as it
goes. A crash, a hang or an exception costs this process only. Nothing is caught: the last line of a traceback
becomes the reason.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Final

from ipfs_accelerate_py.hardware import exported_operations, torch_operations
from ipfs_accelerate_py.hardware.backend import Backend
from ipfs_accelerate_py.hardware.report import Report

OPERATIONS: Final[Mapping[Backend, Callable[[Report], None]]] = {
    Backend.CPU: torch_operations.cpu,
    Backend.CUDA: torch_operations.cuda,
    Backend.ROCM: torch_operations.rocm,
    Backend.MPS: torch_operations.mps,
    Backend.XPU: torch_operations.xpu,
    Backend.OPENVINO: exported_operations.openvino,
    Backend.ONNXRUNTIME: exported_operations.onnxruntime,
    Backend.QUALCOMM: exported_operations.qualcomm,
}


def main(backend: str, *skipped: str) -> None:
    """Try the devices of `backend` in this process, but for those `skipped`."""
    to_parent = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print goes to stderr and cannot be taken for a report
    OPERATIONS[Backend(backend)](Report(to_parent, skipped))


if __name__ == "__main__":
    main(*sys.argv[1:])
