"""Exports that failed on this machine: remembered beside the bundles, so that no process start repeats them.

A failure belongs to a bundle's key, hence to the checkpoint's contents and to the code that exports, and to the
versions of the libraries. Change one of these, or ask for the backend by name, and it is tried again.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.files import write_atomic

SUFFIX = ".failed.json"

_MADE_WITH = ("torch", "transformers", "openvino", "onnxruntime", "onnx", "onnxscript")
# What an exporter's last words hold when it was the machine's state that ended it: then another try may well succeed.
_PASSING = (
    "SIGKILL",
    "memory",
    "MemoryError",
    "the process that exports ended",
    *map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)),
)

_BELIEVED: ContextVar[bool] = ContextVar("failures of the past are believed", default=False)


@contextlib.contextmanager
def believed() -> Iterator[None]:
    """Let no export be repeated that failed before: for who has other backends to choose from."""
    token = _BELIEVED.set(True)
    try:
        yield
    finally:
        _BELIEVED.reset(token)


def remembered(folder: Path) -> str:
    """Return why the export of the bundle `folder` is not worth another try; "" if it is, or was asked for by name."""
    if not _BELIEVED.get():
        return ""
    try:
        known: Any = json.loads(_file(folder).read_bytes())
        return str(known["failure"]) if known["versions"] == _versions() else ""
    except (OSError, ValueError, TypeError, KeyError):
        return ""  # a memory that cannot be read is no memory


def remember(folder: Path, failure: str) -> None:
    """Keep that the export of the bundle `folder` failed, with the exporter's last words, if it would fail again."""
    if any(word in failure for word in _PASSING):
        return
    known = {"failure": failure, "versions": _versions()}
    with contextlib.suppress(WorkspaceError):  # then the next process tries again
        write_atomic(_file(folder), json.dumps(known, indent=1, sort_keys=True) + "\n")


def forget(folder: Path) -> None:
    """Forget that the export of the bundle `folder` ever failed."""
    with contextlib.suppress(OSError):
        _file(folder).unlink(missing_ok=True)


def forget_all(cache: Path) -> None:
    """Forget every failure that is remembered in the folder of bundles `cache`."""
    for path in cache.glob(f"??/*{SUFFIX}"):
        with contextlib.suppress(OSError):
            path.unlink()


def _file(folder: Path) -> Path:
    return folder.with_name(folder.name + SUFFIX)


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in _MADE_WITH:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
