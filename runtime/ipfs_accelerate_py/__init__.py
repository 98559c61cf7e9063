"""Generated, proved, fast model skills for every Hugging Face model type.

`load("folder-or-hub-id")` gives a handler; the names below are imported when they are first used, and nothing else is.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np  # noqa: F401 - arrays are what every handler takes and gives; the one library that is always loaded

from ipfs_accelerate_py.version import __version__

if TYPE_CHECKING:
    from ipfs_accelerate_py.errors import AccelerateError
    from ipfs_accelerate_py.skills.checkpoint import Checkpoint
    from ipfs_accelerate_py.skills.description import describe
    from ipfs_accelerate_py.skills.dispatch import load
    from ipfs_accelerate_py.skills.handler import Handler

_HOMES = {
    "AccelerateError": "ipfs_accelerate_py.errors",
    "Checkpoint": "ipfs_accelerate_py.skills.checkpoint",
    "Handler": "ipfs_accelerate_py.skills.handler",
    "describe": "ipfs_accelerate_py.skills.description",
    "load": "ipfs_accelerate_py.skills.dispatch",
}

__all__ = ["AccelerateError", "Checkpoint", "Handler", "__version__", "describe", "load"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ipfs_accelerate_py' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
