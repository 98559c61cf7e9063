"""Evidence made by hand for tests of the registry: one observation at a time, or a file of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.evidence import lines
from ipfs_accelerate_py.evidence.environment import Environment, environment
from ipfs_accelerate_py.evidence.observation import Collected, Observation, Started

HERE = environment()
ELSEWHERE = Environment(
    system="linux",
    machine="aarch64",
    processor="Elsewhere One",
    flags=("asimdhp",),
    cores=8,
    python="3.12.1",
    libraries={"torch": "2.13.0", "transformers": "5.23.0", "openvino": "2026.4.1"},
    accelerators=(),
)
CELL = {"model_type": "bert", "task": "fill-mask", "backend": "openvino", "precision": "float32"}
AGREES: dict[str, Any] = {"property": "test_agrees", "difference": 1e-6, "tolerance": 1e-3}
CONTROL: dict[str, Any] = {"kind": "control", "property": "test_controls", "control": 0.5, "tolerance": 1e-3}


def seen(**facts: Any) -> Observation:
    """Return an observation of bert's fill-mask on OpenVINO, with `facts` instead of the usual ones."""
    usual: dict[str, Any] = {
        **CELL,
        "run": "run1",
        "worker": "gw0",
        "kind": "test",
        "property": "test_agrees",
        "outcome": "passed",
        "seconds": 0.5,
        "slice": "0" * 12,
        "environment": HERE.digest,
        "started": "2026-01-02T03:04:05.678+00:00",
    }
    return Observation(**{**usual, **facts})


def began(observation: Observation, **facts: Any) -> Started:
    """Return the line that announces the test of `observation`."""
    names = ("id", "run", "worker", *CELL, "property", "slice", "environment", "started")
    usual: dict[str, Any] = {name: getattr(observation, name) for name in names}
    return Started(**{**usual, "test": "a" * 12, "node": f"test_hf.py::{observation.property}", **facts})


def holds(*properties: str, run: str = "run1", test: str = "a" * 12) -> Collected:
    """Return the line that says which tests of bert's fill-mask on OpenVINO a file holds."""
    tests = tuple((name, CELL["task"], CELL["backend"], CELL["precision"]) for name in properties)
    return Collected(run=run, worker="gw0", model_type="bert", test=test, source="b" * 12, tests=tests)


def write(path: Path, found: Iterable[lines.Line], *environments: Environment) -> Path:
    """Append the environments and then `found` to the file `path`; return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    surroundings = [
        lines.Surroundings(run="run1", worker="gw0", facts=facts) for facts in environments or (HERE,)
    ]
    with path.open("a") as file:
        file.writelines(lines.dump(line) + "\n" for line in (*surroundings, *found))
    return path
