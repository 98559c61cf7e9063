"""How a child ended, and what that says about the test it was running."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass
from typing import Final

from ipfs_accelerate_generator.trial.child import Child
from ipfs_accelerate_generator.trial.options import MEMORY_LIMIT, TIME_LIMIT, Options

# Someone who stops a child by one of these says nothing about the model.
_POLITE: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_ENDED: Final = (0, 1, 5)  # pytest: all passed, some failed, none left to run
_ROOM: Final = 100_000  # bytes, less than which an observation may not find a place
_NOT_COLLECTED: Final = 2
_USAGE: Final = 4
_EXPORTS: Final = "(export_server.py:"  # the file in which a process waits for another that exports for it


@dataclass(frozen=True)
class Ending:
    """Why a process is no more; `outcome` is None if that says nothing about what it ran."""

    outcome: str | None = None
    failure: str | None = None
    message: str | None = None
    peak_mb: float | None = None
    problem: str | None = None
    exporting: bool = False
    """Whether it waited for an export, as each other test of the same cell would."""


def out_of_time(child: Child, options: Options) -> Ending:
    """Return the ending of a child that was not heard of for too long."""
    where = _where(child)
    message = f"no answer within {options.timeout_s:g} s{where}"
    return Ending("timed_out", TIME_LIMIT, message, _peak(child), exporting=_EXPORTS in where)


def out_of_memory(child: Child, limit_mb: float) -> Ending:
    """Return the ending of a child that held too much."""
    message = f"held {child.peak_mb:.0f} MB, at most {limit_mb:.0f} MB allowed"
    return Ending("out_of_memory", MEMORY_LIMIT, message, _peak(child))


def by_itself(child: Child, code: int, *, kernel_kills: int) -> Ending:
    """Return the ending of a child that nobody here has ended, from its exit status.

    Args:
        child: the child.
        code: its exit status, negative for a signal.
        kernel_kills: how many processes the kernel has killed for want of memory while it ran.
    """
    if code < 0:
        name = signal.Signals(-code).name
        if -code in _POLITE:
            return Ending(problem=f"was stopped by {name}")
        if -code == signal.SIGKILL and kernel_kills:
            return Ending("out_of_memory", "OutOfMemory", "the kernel ended it for want of memory")
        return Ending("crashed", name, f"ended by {name}{_where(child)}", _peak(child))
    if "INTERNALERROR" in child.log.read_text(errors="replace"):  # the plugin could not write
        if shutil.disk_usage(child.log.parent).free < _ROOM:
            return Ending(problem="the disk is full; free some space and run the same command to go on")
        return Ending(problem=f"pytest failed: {child.last_words()}")
    if child.running is not None:
        return Ending(
            "crashed", "SystemExit", f"the process ended with status {code} within the test", _peak(child)
        )
    if code in _ENDED or (code == _NOT_COLLECTED and child.seen):
        return Ending()
    if code in {_NOT_COLLECTED, _USAGE}:
        return Ending(problem=f"the tests cannot be run: {child.last_words()}")
    return Ending("crashed", "SystemExit", f"the process ended with status {code}", _peak(child))


def _where(child: Child) -> str:
    place = child.place()
    return f", in {place}" if place else ""


def _peak(child: Child) -> float | None:
    return round(child.peak_mb, 1) or None
