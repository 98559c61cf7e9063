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
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from functools import cache
from typing import Any

from ipfs_accelerate_py.hardware.child import failure_of, module_environment, python_module
from ipfs_accelerate_py.skills.serving import running, servers

_POLL_S = 0.01
# So many are made before a child looks for those that nobody holds: with the usual 700 that is an eighth of its time.
_OBJECTS = 200_000
_ONNX = ("onnxruntime", "qualcomm")  # the backends whose bundles are ONNX files


class ExportServer:
    """The server as its owner sees it; one order at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            python_module(__name__),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=module_environment(),
            start_new_session=True,  # Ctrl-C is for its owner, whose end closes its input
        )
        self._turn = threading.Lock()
        atexit.register(self.stop)

    def stop(self) -> None:
        """End the server, once what it is doing is done."""
        self._process.communicate()

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
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._turn:
            try:
                self._process.stdin.write(
                    json.dumps(
                        {"order": dict(order), "timeout_s": timeout_s, "environment": dict(os.environ)}
                    )
                    + "\n"
                )
                self._process.stdin.flush()
                answer = self._process.stdout.readline()
            except BrokenPipeError:
                answer = ""
        if not answer:
            return failure_of(self._process.wait(), "") or "the process that exports ended"
        return str(json.loads(answer)["failure"])


def start() -> None:
    """Let this process export through a server from now on; where processes cannot fork, nothing changes."""
    if hasattr(os, "fork") and running() is None:
        servers[os.getpid()] = ExportServer()


def serve() -> None:
    """Answer orders until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # exporters print, and nobody reads it
    _prepare()
    for line in sys.stdin:
        asked = json.loads(line)
        failure = _carried_out(asked["order"], asked["timeout_s"], asked["environment"])
        answers.write(json.dumps({"failure": failure}) + "\n")
        answers.flush()


def _prepare() -> None:
    """Import what every export needs."""
    import torch
    import transformers

    from ipfs_accelerate_py.skills import cache, eager, export

    torch.set_num_threads(1)  # a pool of threads does not outlive a fork
    assert transformers.PreTrainedModel  # the import of its module is the long part of the first model's
    assert cache
    assert eager
    assert export


@cache
def _warm_up(backend: str) -> None:
    """Export next to nothing to ONNX, so that what PyTorch imports for that, three seconds long, is here for all."""
    if backend not in _ONNX:
        return
    import torch

    # A name inside PyTorch, which another release may change.
    with contextlib.suppress(ImportError, AttributeError):
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        # The table of translations, the same for all, is read for every export, a second long.
        ONNXRegistry.from_torchlib = staticmethod(cache(ONNXRegistry.from_torchlib))
    with contextlib.suppress(Exception):  # the first real export says what is wrong
        torch.onnx.export(
            torch.nn.Linear(1, 1),
            (torch.zeros(2, 1),),
            dynamo=True,
            dynamic_shapes=({0: "rows"},),
            verbose=False,
        )


def _carried_out(order: dict[str, Any], timeout_s: float, environment: dict[str, str]) -> str:
    _warm_up(order["backend"])
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
