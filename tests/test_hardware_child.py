"""A child process that fails in every way that a driver can."""

from __future__ import annotations

import sys
import time

import pytest

from ipfs_accelerate_py.hardware.child import run_child

SAY = 'print(\'{"trying": "GPU"}\', flush=True)\n'


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed (SIGSEGV)"),
        ("import os; os.abort()", "crashed (SIGABRT)"),
        ("raise RuntimeError('no driver')", "RuntimeError: no driver"),
        ("import os; os._exit(3)", "ended with exit code 3"),
    ],
)
def test_what_was_said_before_the_end_is_kept_and_the_end_has_a_name(code: str, failure: str) -> None:
    ending = run_child(python(SAY + code), timeout_s=60)
    assert (ending.failure, ending.events) == (failure, ({"trying": "GPU"},))


def test_a_hang_is_ended_with_everything_that_it_started() -> None:
    sleeper = "[sys.executable, '-c', 'import time; time.sleep(60)']"
    grandchild = f"import subprocess, sys, time; subprocess.Popen({sleeper})\n"
    began = time.monotonic()
    ending = run_child(python(SAY + grandchild + "time.sleep(60)"), timeout_s=1.5)
    assert ending.failure == "gave no answer within 2 s"
    assert ending.events == ({"trying": "GPU"},)
    assert time.monotonic() - began < 30  # a grandchild that kept the pipe open would hold us for a minute


def test_a_line_torn_by_the_end_is_left_out() -> None:
    ending = run_child(
        python(SAY + "print('{\"dev', end='', flush=True); import os; os.abort()"), timeout_s=60
    )
    assert ending.events == ({"trying": "GPU"},)


def test_a_child_that_ends_well_has_no_failure() -> None:
    assert run_child(python(SAY), timeout_s=60).failure == ""
