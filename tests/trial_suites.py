"""Small stand-ins for generated modules and tests: real files, real pytest processes, no models."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SKILL = '''"""A module that does nothing, in the form of a generated one."""

WIDTH = 4


def echo_model(checkpoint):
    return WIDTH


def shout_model(checkpoint):
    return WIDTH * 2


HEADS = {"echo": echo_model, "shout": shout_model}


def load_cpu(checkpoint, task="echo"):
    return HEADS[task](checkpoint)


def load_openvino(checkpoint, task="echo"):
    return load_cpu(checkpoint, task) + 0
'''

HEADER = """import ctypes
import os
import signal
import time
from pathlib import Path

import pytest
from ipfs_accelerate_skills import hf_{stem} as skill

MODEL_TYPE = "{model_type}"
BACKENDS = ["cpu", "openvino"]
"""


def write_suite(root: Path, body: str, *, model_type: str = "toy", skill: str = SKILL) -> tuple[Path, Path]:
    """Write a module and its tests into a workspace; return their paths."""
    stem = model_type.replace("-", "_")
    package = root / "generated" / "ipfs_accelerate_skills"
    suites = root / "generated" / "tests"
    package.mkdir(parents=True, exist_ok=True)
    suites.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    module = package / f"hf_{stem}.py"
    module.write_text(skill)
    suite = suites / f"test_hf_{stem}.py"
    suite.write_text(HEADER.format(stem=stem, model_type=model_type) + body)
    return module, suite


def run_pytest(
    root: Path, *arguments: str | Path, plugins: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the tests of a workspace as a user would, with the installed plugin."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    given = [str(argument) for argument in (*arguments, root / "generated" / "tests")]
    environment = {**os.environ, "PYTHONPATH": str(root / "generated")}
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):
        environment.pop(name, None)
    return subprocess.run(
        [*command, *plugins, *given], capture_output=True, text=True, check=False, cwd=root, env=environment
    )


def children(parent: int) -> list[int]:
    """Return the processes that `parent` has started and that are still there."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if (
                entry.name.isdigit()
                and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            ):
                found.append(int(entry.name))
    return found
