"""The process that forks children which run tests: it has imported what tests and exports need.

It runs as a module, reads one JSON order a line and answers with the number of each child, and with how it ended.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
from typing import Any, NoReturn


def serve() -> None:
    """Fork a child for every order; return when the orders end, and in every child with its exit."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _prepare()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # only so that there is something to wake up for
    signal.set_wakeup_fd(wake)

    def say(told: dict[str, int]) -> None:
        answers.write(json.dumps(told) + "\n")
        answers.flush()

    unread = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
            for child, code in _ended():
                say({"ended": child, "code": code})
        if 0 in ready:
            read = os.read(0, 65536)
            if not read:
                return
            *whole, unread = (unread + read).split(b"\n")
            for line in whole:
                order = json.loads(line)
                if (child := os.fork()) == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    os.close(answers.fileno())
                    _live(order)
                say({"born": child})


def _prepare() -> None:
    """Import what tests and exports need, but the engines: these start threads, which a fork would lose."""
    import pytest
    import transformers.pipelines

    from ipfs_accelerate_py.skills import export_server

    export_server.prepare()
    assert pytest.__name__
    assert transformers.pipelines.pipeline
    gc.freeze()  # what is here need not be looked through, and thereby copied, in every child


def _live(order: dict[str, Any]) -> NoReturn:
    """Run pytest in the child, to its end."""
    import pytest

    from ipfs_accelerate_py.skills import export_server

    os.setsid()  # its own children can be ended with it
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.path[:0] = order["environment"]["PYTHONPATH"].split(os.pathsep)[:1]
    export_server.fork()
    raise SystemExit(int(pytest.main(order["arguments"])))


def _ended() -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    with contextlib.suppress(ChildProcessError):
        while True:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                break
            found.append((child, os.waitstatus_to_exitcode(status)))
    return found


if __name__ == "__main__":
    serve()
