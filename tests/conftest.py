"""What every test of generator and runtime starts from: no network, and a home folder of the run's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before any test imports huggingface_hub, which reads it once
os.environ["TOKENIZERS_PARALLELISM"] = "false"  # tests start child processes, which tokenizers warns about


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of probes, profile and bundles: one for the whole run, shared by its worker processes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder = shared / "home"
    os.environ["IPFS_ACCELERATE_HOME"] = str(folder)
    return folder
