"""A child process that may crash or hang: its time is limited, and what it managed to write is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LAST_BREATH_S = 5.0  # a killed process that a broken driver holds in the kernel is left behind after this


@dataclass(frozen=True, slots=True)
class Ending:
    """What a child wrote until it ended, and how it ended."""

    events: tuple[Mapping[str, Any], ...]
    failure: str
    """Empty if it ended well; else "crashed (SIGSEGV)", "gave no answer within 60 s" or its last words."""


def python_module(name: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules with this very Python."""
    return [sys.executable, "-P", "-m", name, *arguments]


def module_environment() -> dict[str, str]:
    """Return the environment in which a child finds this very package, whatever it is called and part of."""
    root = str(Path(__file__).resolve().parents[__name__.count(".")])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path}


def run_child(command: Sequence[str], *, timeout_s: float) -> Ending:
    """Run `command` for at most `timeout_s` and return what it wrote and how it ended."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=module_environment(),
        start_new_session=True,  # so that whatever it started can be killed with it
    )
    try:
        out, err = child.communicate(timeout=timeout_s)
        failure = failure_of(child.returncode, err.decode(errors="replace"))
    except subprocess.TimeoutExpired:
        _kill(child)
        failure = f"gave no answer within {timeout_s:.0f} s"
        try:
            out, _ = child.communicate(timeout=LAST_BREATH_S)
        except subprocess.TimeoutExpired:
            out = b""
    except BaseException:
        _kill(child)
        raise
    return Ending(tuple(_events(out.decode(errors="replace"))), failure)


def _kill(child: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()


def failure_of(code: int, stderr: str) -> str:
    """Return how a child with this exit code failed, in its own last words where it had any; "" if it did not."""
    if code == 0:
        return ""
    if code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1][:400] if lines else f"ended with exit code {code}"


def _events(text: str) -> list[Mapping[str, Any]]:
    events = []
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):  # a last line without its end was torn by the kill
            events.append(json.loads(line))
    return events
