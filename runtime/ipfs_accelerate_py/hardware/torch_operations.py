"""The small real operation on each backend that PyTorch runs, for a probe's child process."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.hardware.answer import Device
from ipfs_accelerate_py.hardware.machine import memory_bytes, processor_name, usable_cores
from ipfs_accelerate_py.hardware.report import MATRIX, Report, extra, installed

GET_TORCH: Final = "see https://pytorch.org/get-started/locally/"


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """What the installed torch was built for, read without importing it (which takes seconds)."""

    version: str
    cuda: str | None
    hip: str | None
    xpu: str | None


def torch_build() -> TorchBuild | None:
    """Return what the installed torch was built for, or None without torch."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return None
    told = runpy.run_path(str(Path(found.origin).with_name("version.py")))
    return TorchBuild(told["__version__"], *(told.get(name) for name in ("cuda", "hip", "xpu")))


def driver_answers(libraries: tuple[str, ...], initialise: str) -> bool:
    """Return whether one of the driver's `libraries` loads and its function `initialise` succeeds."""
    for library in libraries:
        try:
            return bool(getattr(ctypes.CDLL(library), initialise)(0) == 0)
        except (OSError, AttributeError):  # not there, or not that library
            continue
    return False


def cpu(report: Report) -> None:
    """Multiply with torch; with numpy where torch is absent, and say that skills need torch."""
    device = Device("cpu", processor_name(), memory_bytes())
    report.detail("cores", usable_cores())
    report.trying("cpu")
    if not installed("torch"):
        report.detail("library", f"numpy {np.__version__}")
        matrix = np.array(MATRIX, np.float32)
        report.works(device, matrix @ matrix)
        reason = "the processor answers (through numpy), but torch is not installed"
        report.absent(reason, extra("'ipfs_accelerate_py[torch]'"))
        return
    import torch

    report.detail("library", f"torch {torch.__version__}")
    report.works(device, _square(torch, "cpu"))


def cuda(report: Report) -> None:
    """Multiply on every NVIDIA GPU."""
    driver = driver_answers(("libcuda.so.1", "nvcuda.dll"), "cuInit")
    _gpus(
        report, "cuda", maker="NVIDIA", driver=driver, built_for="cuda", build_title="a CUDA build of torch"
    )


def rocm(report: Report) -> None:
    """Multiply on every AMD GPU, which torch's ROCm build calls "cuda" too."""
    driver = any(os.access(device, os.R_OK | os.W_OK) for device in ("/dev/kfd", "/dev/dxg"))  # Linux, WSL
    _gpus(report, "cuda", maker="AMD", driver=driver, built_for="hip", build_title="a ROCm build of torch")


def xpu(report: Report) -> None:
    """Multiply on every Intel GPU."""
    driver = driver_answers(("libze_loader.so.1", "ze_loader.dll"), "zeInit")
    _gpus(report, "xpu", maker="Intel", driver=driver, built_for="xpu", build_title="an XPU build of torch")


def mps(report: Report) -> None:
    """Multiply on the GPU of an Apple Silicon Mac."""
    if (sys.platform, platform.machine()) != ("darwin", "arm64"):
        report.absent(
            "this is not a Mac with Apple Silicon", "use another backend: only those Macs have Metal"
        )
        return
    if not installed("torch"):
        report.absent("torch is not installed", extra("'ipfs_accelerate_py[torch]'"))
        return
    import torch

    report.detail("library", f"torch {torch.__version__}")
    if not torch.backends.mps.is_available():
        report.absent("torch finds no Metal device", "update macOS to 14 or later, and torch")
    elif report.trying("mps"):
        report.works(Device("mps", processor_name(), memory_bytes()), _square(torch, "mps"))


def _gpus(report: Report, name: str, *, maker: str, driver: bool, built_for: str, build_title: str) -> None:
    build = torch_build()
    built = None if build is None else getattr(build, built_for)
    missing, needed = [], []
    if not driver:
        missing.append(f"no {maker} driver answered")
        needed.append(f"the driver of your {maker} GPU")
    if built is None:
        torch_now = (
            "torch is not installed" if build is None else f"torch {build.version} is not {build_title}"
        )
        missing.append(torch_now)
        needed.append(f"{build_title} ({GET_TORCH})")
    if missing:
        report.absent(" and ".join(missing), f"install {' and '.join(needed)}")
        return
    import torch

    report.detail("library", f"torch {torch.__version__}")
    report.detail(built_for, built)
    gpus = getattr(torch, name)
    if gpus.device_count() == 0:
        report.absent(f"the {maker} driver answers, but torch sees no GPU", "check the driver's version")
    for index in range(gpus.device_count()):
        device = f"{name}:{index}"
        if report.trying(device):
            found = gpus.get_device_properties(index)
            report.works(Device(device, found.name, found.total_memory), _square(torch, device))


def _square(torch: Any, device: str) -> Any:
    matrix = torch.tensor(MATRIX, device=device)
    return (matrix @ matrix).cpu().numpy()
