"""What every test of the run starts from: no network, and a home folder of the run's own."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest
from hypothesis import settings

HOME = "IPFS_ACCELERATE_HOME"

os.environ["HF_HUB_OFFLINE"] = "1"  # before any test imports huggingface_hub, which reads it once
os.environ["TOKENIZERS_PARALLELISM"] = "false"  # tests start child processes, which tokenizers warns about

# How long an example takes is the machine's affair: benchmarks measure time, and tests state properties.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a folder for probes, profile and bundles, which its worker processes inherit and share."""
    if not hasattr(config, "workerinput"):
        os.environ[HOME] = tempfile.mkdtemp(prefix="ipfs-accelerate-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the folder away again."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(HOME), ignore_errors=True)
