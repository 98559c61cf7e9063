"""Files that are whole or absent: atomic writes, appended lines, locks that say who holds them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ipfs_accelerate_py.errors import WorkspaceError

ABANDONED_S = (
    86_400.0  # whoever began to write something a day ago was killed: nothing takes longer than an export
)
LOCK_TIMEOUT_S = 600.0  # longer than the slowest export that was seen (39 s for a 110 M decoder) by far

_HALF_MADE = re.compile(
    r"\..+\.[a-z0-9_]{8}\.part(\.wal)?"
)  # as tempfile and the store of databases call them


def _refusal(path: Path, error: OSError) -> WorkspaceError:
    fixes = {
        errno.ENOSPC: "free some space and run the command again; what was there before is unchanged",
        errno.EDQUOT: "free some of your quota and run the command again; what was there before is unchanged",
        errno.EACCES: "make the folder writable, or choose another with --root or IPFS_ACCELERATE_HOME",
        errno.EPERM: "make the folder writable, or choose another with --root or IPFS_ACCELERATE_HOME",
        errno.EEXIST: "a file is where a folder should be; move it, or choose another with --root",
        errno.ENOTDIR: "a file is where a folder should be; move it, or choose another with --root",
        errno.EROFS: "the file system is read-only; choose another folder with --root or IPFS_ACCELERATE_HOME",
    }
    fix = fixes.get(error.errno or 0, "nothing was changed")
    return WorkspaceError(f"{path}: cannot be written: {error.strerror or error}; {fix}")


def sweep(folder: Path) -> None:
    """Remove what processes that were killed a day ago or longer left half made in `folder`."""
    oldest = time.time() - ABANDONED_S
    for left in folder.glob(".*.part*"):
        if not _HALF_MADE.fullmatch(left.name):
            continue
        with contextlib.suppress(OSError):  # somebody else sweeps, too, or it is not ours to remove
            if left.lstat().st_mtime <= oldest:
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


@cache
def _swept(folder: Path) -> None:
    """Sweep `folder`, once in the life of a process: so every folder is swept that is still written to."""
    sweep(folder)


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write `data` so that a reader sees the old file or the new one, never a part of either.

    Raises:
        WorkspaceError: the folder cannot be written, or the disk is full; the old file is still there.
    """
    raw = data.encode() if isinstance(data, str) else data
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _swept(path.parent)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp makes files that only their owner can read
        temporary.replace(path)
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_if_changed(path: Path, text: str) -> bool:
    """Write `text` unless the file holds it already; return whether it was written."""
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == text.encode():
            return False
    write_atomic(path, text)
    return True


def append_line(path: Path, text: str) -> None:
    """Append one line in a single write; a torn line left by a killed process is closed off first.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, (b"\n" if torn else b"") + text.rstrip("\n").encode() + b"\n")
        finally:
            os.close(handle)
    except OSError as error:
        raise _refusal(path, error) from error


@contextlib.contextmanager
def lock(path: Path, *, timeout_s: float = LOCK_TIMEOUT_S, of: Path | None = None) -> Iterator[None]:
    """Hold `path` against every other process; what it stands for is `of`, if messages are to name that instead.

    Raises:
        WorkspaceError: another process still holds it after `timeout_s`; the message names that process.
    """
    from filelock import FileLock, Timeout

    owner = path.with_name(path.name + ".owner")
    held = FileLock(str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout=timeout_s)
    except Timeout as error:
        holder = owner.read_text() if owner.exists() else "another process"
        message = f"{of or path}: held by {holder} for more than {timeout_s:g} s; wait for it or stop it"
        raise WorkspaceError(message) from error
    except OSError as error:
        raise _refusal(of or path, error) from error
    try:
        write_atomic(owner, f"process {os.getpid()} ({' '.join(sys.orig_argv)[:200]})")
        yield
    finally:
        held.release()


@contextlib.contextmanager
def folder_atomic(final: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it becomes `final` at the end, or vanishes if filling it failed.

    If another process made `final` in the meantime, that one stays: both were made from the same inputs.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    _swept(final.parent)
    temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".part", dir=final.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        try:
            temporary.rename(final)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise _refusal(final, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
