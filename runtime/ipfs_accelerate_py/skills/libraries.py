"""Whether the libraries of a backend are installed, asked without importing them."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from ipfs_accelerate_py.errors import BackendError

# backend -> (the modules that it runs on, what pip installs them by)
LIBRARIES = {
    "cpu": (("torch", "transformers"), "'ipfs_accelerate_py[torch]'"),
    "openvino": (("openvino",), "'ipfs_accelerate_py[openvino]'"),
    "onnxruntime": (("onnxruntime",), "'ipfs_accelerate_py[onnx]'"),
}


def missing(backend: str) -> str | None:
    """Return the first library that `backend` runs on and that is not installed, or None."""
    return next((module for module in LIBRARIES[backend][0] if find_spec(module) is None), None)


def needs(backend: str) -> None:
    """Refuse `backend` if a library that it runs on is not installed.

    Raises:
        BackendError: one is missing; the message says how to install it.
    """
    if module := missing(backend):
        raise BackendError(
            f"{backend} is not on this machine: {module} is not installed; "
            f"python -m pip install {LIBRARIES[backend][1]}"
        )


def failures() -> tuple[type[Exception], ...]:
    """Return the kinds of error with which libraries refuse a model; ONNX Runtime's own share no class of theirs."""
    onnxruntime = sys.modules.get("onnxruntime.capi.onnxruntime_pybind11_state")
    own = vars(onnxruntime).values() if onnxruntime else ()
    return (
        RuntimeError,
        OSError,
        *(kind for kind in own if isinstance(kind, type) and issubclass(kind, Exception)),
    )
