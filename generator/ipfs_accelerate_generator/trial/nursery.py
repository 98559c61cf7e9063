"""Children that need not import PyTorch: one process has imported it, and forks each of them.

Importing PyTorch, transformers and the engines takes ten seconds of a core, once for the tests of a type and once more
for its exports. Whoever tries hundreds of types keeps a nursery. It runs as a module, reads one JSON order a line and
answers with the number of each child that it forks, and with how it ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ipfs_accelerate_generator.trial.processes import Process
from ipfs_accelerate_py.errors import WorkspaceError

WORTH: Final = 4  # so many children at least, or they are sooner started one by one
_POLL_S: Final = 0.02


class Nursery:
    """The process that forks, as its owner sees it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.forking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(environment),
            start_new_session=True,  # Ctrl-C is for its owner
        )
        assert self._server.stdout is not None
        os.set_blocking(self._server.stdout.fileno(), False)
        self._unread = b""
        self._born: list[int] = []
        self._codes: dict[int, int] = {}
        self._lost = False

    @property
    def pid(self) -> int:
        """The number of the process, the parent of all its children; it ends with its owner."""
        return self._server.pid

    def fork(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
        """Return a child that runs pytest with `arguments` and says what it has to say into `log`.

        Raises:
            WorkspaceError: the nursery has ended; the message says how.
        """
        order = {"arguments": list(arguments), "environment": dict(environment), "log": str(log)}
        assert self._server.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._server.stdin.write(json.dumps(order).encode() + b"\n")
            self._server.stdin.flush()
        while not self._born:
            self._listen(wait=True)
            if self._lost and not self._born:
                code = self._server.wait()
                raise WorkspaceError(
                    f"the process that forks tests ended with code {code}; run the same command to go on"
                )
        return _Forked(self, self._born.pop(0))

    def code(self, child: int) -> int | None:
        """Return how a child ended, a signal below 0, or None while it runs."""
        self._listen(wait=False)
        if self._lost and child not in self._codes:  # nobody will ever tell
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            self._codes[child] = -signal.SIGTERM
        return self._codes.get(child)

    def close(self) -> None:
        """End the process."""
        self._server.kill()
        self._server.wait()
        for pipe in (self._server.stdin, self._server.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _listen(self, *, wait: bool) -> None:
        assert self._server.stdout is not None
        descriptor = self._server.stdout.fileno()
        if wait:
            select.select([descriptor], [], [])
        with contextlib.suppress(BlockingIOError):
            while not self._lost:
                read = os.read(descriptor, 65536)
                self._lost = not read
                self._unread += read
        *whole, self._unread = self._unread.split(b"\n")
        for line in whole:
            told = json.loads(line)
            if "born" in told:
                self._born.append(int(told["born"]))
            else:
                self._codes[int(told["ended"])] = int(told["code"])


class _Forked:
    """A child of the nursery, with what the driver asks of a process."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery

    def poll(self) -> int | None:
        return self._nursery.code(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("pytest", timeout or 0.0)
            time.sleep(_POLL_S)
        return code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)
