"""A pytest plugin that writes down what generated tests show: `-p ipfs_accelerate_py.evidence.plugin`.

With `--observations DIR` each process appends to `DIR/<run>/<worker>.jsonl`: its environment, the tests of
each file, a line before each test and one after it. Tests whose module has no MODEL_TYPE are not observed.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ipfs_accelerate_py.evidence.absent import missing_library

pytest_plugins = ("ipfs_accelerate_py.evidence.fixture",)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("ipfs-accelerate", "recording what generated tests show")
    group.addoption("--observations", metavar="DIR", help="append what is seen to DIR/<run>/<worker>.jsonl")
    group.addoption("--run", metavar="ID", help="name of this run (default: the time and a random part)")
    group.addoption("--observer", metavar="NAME", default="main", help="name of this process's file")
    group.addoption("--selection", metavar="FILE", help="tests to run, as the test driver writes them")


def pytest_configure(config: pytest.Config) -> None:
    """Start recording, if this run has a folder for it."""
    folder = config.getoption("observations")
    if not folder:
        return
    from ipfs_accelerate_py.evidence.recorder import Recorder

    given = getattr(config, "workerinput", {})  # of an xdist worker
    config.option.run = config.getoption("run") or given.get("ipfs_accelerate_run") or new_run()
    worker = given.get("workerid")
    name = config.getoption("observer")
    named = name if worker is None else worker if name == "main" else f"{name}-{worker}"
    path = Path(folder) / config.getoption("run") / f"{named}.jsonl"
    chosen = config.getoption("selection")
    config.pluginmanager.register(
        Recorder(path, selection=Path(chosen) if chosen else None), "ipfs-accelerate-recorder"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker the name of the run, which it shares with all others."""
    node.workerinput["ipfs_accelerate_run"] = node.config.getoption("run")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Skip a file that makes a model as it is read, where its class needs a library that is not here."""
    report = yield
    if report.failed and (reason := missing_library(report.longreprtext)):
        report.outcome, report.longrepr = "skipped", (str(collector.path), 0, f"Skipped: {reason}")
        vars(report).pop("call", None)  # which pytest would show to those who look for failures
    return report


def new_run() -> str:
    """Return a name for a run; names sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
