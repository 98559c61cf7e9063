"""A process that exports again and again: it imports PyTorch once and gives each export a forked child of its own.

Importing PyTorch and transformers is three quarters of the time of exporting a small model. Whoever exports many, as
tests and sweeps do, calls `start`; from then on `bundle` hands its orders to the server of this process. What an export
takes or leaves behind ends with its child, and the server ends with the process that started it.

Run as `python -m ipfs_accelerate_py.skills.export_server`, it reads one JSON order a line and answers each with a line.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Mapping
from functools import cache
from typing import IO, Any, Protocol

from ipfs_accelerate_py.hardware.child import failure_of, module_environment, python_module
from ipfs_accelerate_py.skills.serving import running, servers

_POLL_S = 0.01
# So many are made before a child looks for those that nobody holds: with the usual 700 that is an eighth of its time.
_OBJECTS = 200_000


class _Process(Protocol):
    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self) -> int: ...


class ExportServer:
    """The server as its owner sees it; one order at a time."""

    def __init__(self, process: _Process, orders: IO[str], answers: IO[str]) -> None:
        self._process = process
        self._orders = orders
        self._answers = answers
        self._turn = threading.Lock()
        atexit.register(self.stop)

    def stop(self) -> None:
        """End the server, once what it is doing is done."""
        with contextlib.suppress(BrokenPipeError):
            self._orders.close()
        self._process.wait()
        self._answers.close()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still takes orders."""
        return self._process.poll() is None

    def export(self, order: Mapping[str, Any], *, timeout_s: float) -> str:
        """Carry out one order of `skills.export`; return "" or how it failed."""
        asked = {"order": dict(order), "timeout_s": timeout_s, "environment": dict(os.environ)}
        with self._turn:
            try:
                self._orders.write(json.dumps(asked) + "\n")
                self._orders.flush()
                answer = self._answers.readline()
            except BrokenPipeError:
                answer = ""
        if not answer:
            return failure_of(self._process.wait(), "") or "the process that exports ended"
        return str(json.loads(answer)["failure"])


class _Forked:
    """A process that this one has forked."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        return self._ended(os.WNOHANG)

    def wait(self) -> int:
        code = self._ended(0)
        assert code is not None
        return code

    def _ended(self, how: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, how)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code


def start() -> None:
    """Let this process export through a server from now on; where processes cannot fork, nothing changes."""
    if not hasattr(os, "fork") or running() is not None:
        return
    process = subprocess.Popen(
        python_module(__name__),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=module_environment(),
        start_new_session=True,  # Ctrl-C is for its owner, whose end closes its input
    )
    assert process.stdin is not None
    assert process.stdout is not None
    servers[os.getpid()] = ExportServer(process, process.stdin, process.stdout)


def fork() -> None:
    """Let this process export through a fork of it, from now on: for who has called `prepare` and has no threads."""
    taken, orders = os.pipe()
    answers, given = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):  # nobody would hear of it; its owner sees the pipe close
            os.close(orders)
            os.close(answers)
            os.dup2(taken, 0)
            os.dup2(given, 1)
            sys.stdin = os.fdopen(0, encoding="utf-8")
            serve()
        os._exit(0)
    os.close(taken)
    os.close(given)
    servers[os.getpid()] = ExportServer(
        _Forked(child),
        os.fdopen(orders, "w", encoding="utf-8"),
        os.fdopen(answers, encoding="utf-8"),
    )


def serve() -> None:
    """Answer orders until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # exporters print, and nobody reads it
    prepare()
    for line in sys.stdin:
        asked = json.loads(line)
        failure = _carried_out(asked["order"], asked["timeout_s"], asked["environment"])
        answers.write(json.dumps({"failure": failure}) + "\n")
        answers.flush()


@cache
def prepare() -> None:
    """Import what every export needs, and leave no thread behind: what follows are forks."""
    import torch
    import transformers

    from ipfs_accelerate_py.skills import eager, export, routes

    torch.set_num_threads(1)  # a pool of threads does not outlive a fork
    assert transformers.PreTrainedModel  # the import of its module is the long part of the first model's
    assert eager
    assert export
    assert routes
    # Next to nothing, so that what PyTorch imports for its first export to ONNX is here for all.
    with (
        contextlib.suppress(Exception),
        warnings.catch_warnings(),
    ):  # the first real export says what is wrong
        warnings.simplefilter("ignore")
        torch.onnx.export(torch.nn.Linear(1, 1), (torch.zeros(2, 1),), io.BytesIO(), dynamo=False)


def _carried_out(order: dict[str, Any], timeout_s: float, environment: dict[str, str]) -> str:
    gc.freeze()  # what is here already need not be looked through, and thereby copied, in every child
    with tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            _work(order, errors.fileno(), environment)
        code = _ended(child, timeout_s)
        if code is None:
            return f"gave no answer within {timeout_s:.0f} s"
        errors.seek(0)
        return failure_of(code, errors.read().decode(errors="replace"))


def _work(order: dict[str, Any], errors: int, environment: dict[str, str]) -> None:
    """Export in the child, which never returns from here."""
    from ipfs_accelerate_py.skills.export import main

    code = 1
    try:
        os.setsid()  # so that whatever it starts can be killed with it
        os.dup2(errors, 2)
        os.environ.clear()
        os.environ.update(environment)  # that of whoever asks now, not of when the server was started
        gc.set_threshold(_OBJECTS)
        main({**order, "parent": os.getppid()})
        code = 0
    except BaseException:  # noqa: BLE001  # its last words are the answer, whatever it died of
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _ended(child: int, timeout_s: float) -> int | None:
    """Return the child's exit code, that of a signal below 0, or None where it took too long and was killed."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(_POLL_S)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    serve()
