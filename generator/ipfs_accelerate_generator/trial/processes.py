"""The processes that one child has started: what they hold, and the end of all of them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

MARK: Final = "IPFS_ACCELERATE_TRIAL"  # in the environment of a child, and so of whatever it starts

_PROC = Path("/proc")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Process(Protocol):
    """A process that was started: by this one, or by another that forks for it."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Return how it ended, a signal below 0; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended, once it has; raise `subprocess.TimeoutExpired` after `timeout` seconds."""

    def send_signal(self, number: int, /) -> None:
        """Send it a signal."""


@dataclass(frozen=True)
class _Process:
    parent: int
    session: int
    resident: int  # bytes; pages that two processes share count twice


def resident_mb(leaders: frozenset[int]) -> dict[int, float]:
    """Return the memory that each of the session leaders and its descendants hold together, in MB.

    Empty where there is no /proc: outside Linux the memory of a trial is not limited.
    """
    if sys.platform != "linux" or not leaders:
        return {}
    processes = _snapshot()
    found = dict.fromkeys(sorted(leaders), 0.0)
    for number, process in processes.items():
        leader = process.session if process.session in leaders else _ancestor(number, processes, leaders)
        if leader is not None:
            found[leader] += process.resident / 1e6
    return found


def end_all(leader: int, token: str) -> None:
    """Kill the session of `leader`, and every process with `token` in its environment, wherever it went."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    if sys.platform != "linux":
        return
    wanted = f"{MARK}={token}".encode()
    for entry in _numbered():
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


def kernel_kills() -> int:
    """Return how many processes the kernel has killed for want of memory; 0 if it does not say."""
    with contextlib.suppress(OSError):
        for line in (_PROC / "vmstat").read_text().splitlines():
            name, _, number = line.partition(" ")
            if name == "oom_kill":
                return int(number)
    return 0


def machine_mb() -> int | None:
    """Return the memory of this machine or of the container it is in; None if the system does not say."""
    limits = []
    with contextlib.suppress(OSError, ValueError):
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    with contextlib.suppress(OSError, ValueError, AttributeError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * _PAGE)
    return min(limits) // 10**6 if limits else None


def _numbered() -> list[Path]:
    return [entry for entry in _PROC.iterdir() if entry.name.isdigit()]


def _snapshot() -> dict[int, _Process]:
    found = {}
    for entry in _numbered():
        with contextlib.suppress(OSError):
            # The name stands in brackets and may hold anything; after it: state, parent, group, session, ...
            rest = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            found[int(entry.name)] = _Process(int(rest[1]), int(rest[3]), int(rest[21]) * _PAGE)
    return found


def _ancestor(number: int, processes: dict[int, _Process], leaders: frozenset[int]) -> int | None:
    seen: set[int] = set()
    while number in processes and number not in seen:
        seen.add(number)
        if number in leaders:
            return number
        number = processes[number].parent
    return None
