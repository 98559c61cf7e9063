"""The plugin writes down what generated tests show, and stays out of the way of all others."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from trial_suites import run_pytest, write_suite

from ipfs_accelerate_py.evidence import lines
from ipfs_accelerate_py.evidence.environment import environment
from ipfs_accelerate_py.evidence.messages import LONGEST, clean
from ipfs_accelerate_py.evidence.observation import Observation
from ipfs_accelerate_py.evidence.slices import slice_digest

PLUGIN = ("-p", "ipfs_accelerate_py.evidence.plugin")

BODY = """
import numpy as np
from ipfs_accelerate_py.evidence.comparison import compare
from ipfs_accelerate_py.evidence.controls import Control

@pytest.mark.parametrize("backend", BACKENDS)
def test_agrees(backend, evidence):
    evidence.route("convert_model")
    evidence.control(Control("mask ignored", 0.7))
    evidence.control("token changed", 0.5)
    evidence.difference(1e-6)
    evidence.difference(compare({"x": np.array([1.0005])}, {"x": np.array([1.0])}))

@pytest.mark.parametrize("task", ["echo"])
@pytest.mark.parametrize("size", [1, 2])
def test_sizes(task, size):
    assert task

@pytest.mark.parametrize(("task", "backend"), [])
def test_has_no_cell_and_so_nothing_to_observe(task, backend):
    assert False

@pytest.mark.parametrize(("task", "backend"), [])
@pytest.mark.parametrize("wrong", [7, ""])
def test_has_no_cell_for_any_fault(task, backend, wrong):
    assert False

def test_differs(evidence):
    evidence.difference(compare({"x": np.array([1.0, 3.0])}, {"x": np.array([1.0, 2.0])}))

def test_cannot_be_compared(evidence):
    evidence.difference(compare({}, {"x": np.array([1.0])}))

def test_is_too_insensitive(evidence):
    evidence.control("mask ignored", 0.004)

def test_only_controls(evidence):
    evidence.control("mask ignored", 0.4)

@pytest.mark.xfail(strict=True, reason="known")
def test_fails_as_expected():
    raise RuntimeError(f"cannot read {Path(__file__)} with token hf_" + "a" * 34)

@pytest.mark.xfail(strict=True, reason="known")
def test_mended():
    pass

def test_lacks_a_device():
    pytest.skip("this machine lacks cuda: no driver")

@pytest.fixture
def broken():
    raise OSError("no such bundle")

def test_cannot_be_set_up(broken):
    pass

def test_runs_out_of_memory():
    raise MemoryError("4 GB wanted")

def test_is_fast(evidence):
    evidence.speed(0.002)
    evidence.simulated()

def test_says_nothing():
    assert False
"""

FOREIGN = "def test_foreign():\n    pass\n"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace")
    write_suite(root, BODY)
    (root / "generated" / "tests" / "test_foreign.py").write_text(FOREIGN)
    return root


@pytest.fixture(scope="module")
def seen(workspace: Path) -> dict[str, Observation]:
    done = run_pytest(workspace, *PLUGIN, "--observations", workspace / "observations", "--run", "one")
    assert "6 failed" in done.stdout, done.stdout + done.stderr
    found = lines.read(workspace / "observations" / "one" / "main.jsonl")
    assert len(found.started) == len(found.observations) == 16
    assert found.environments == {environment().digest: environment()}
    return {f"{one.property} {one.backend}": one for one in found.observations}


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("test_agrees cpu", {"outcome": "passed", "kind": "test", "difference": 0.0005, "tolerance": 0.001}),
        ("test_agrees openvino", {"control": 0.5, "route": "convert_model", "failure": None, "task": "*"}),
        ("test_sizes[size=2] *", {"outcome": "passed", "task": "echo"}),
        ("test_differs *", {"outcome": "failed", "difference": 0.5, "failure": "AssertionError"}),
        (
            "test_differs *",
            {"message": "largest difference 0.5, at most 0.001 allowed (output x at [1])", "kind": "test"},
        ),
        ("test_cannot_be_compared *", {"difference": None, "message": "output 'x' is missing; there are []"}),
        ("test_is_too_insensitive *", {"kind": "control", "outcome": "failed", "control": 0.004}),
        ("test_only_controls *", {"kind": "control", "outcome": "passed", "control": 0.4}),
        ("test_fails_as_expected *", {"outcome": "failed", "failure": "RuntimeError"}),
        ("test_fails_as_expected *", {"message": "cannot read …/test_hf_toy.py with token ***"}),
        ("test_mended *", {"outcome": "passed", "failure": None}),
        ("test_lacks_a_device *", {"outcome": "skipped", "message": "this machine lacks cuda: no driver"}),
        ("test_cannot_be_set_up *", {"outcome": "failed", "failure": "OSError", "message": "no such bundle"}),
        (
            "test_runs_out_of_memory *",
            {"outcome": "out_of_memory", "kind": "memory", "failure": "MemoryError"},
        ),
        ("test_is_fast *", {"seconds": 0.002, "simulated": True}),
        ("test_says_nothing *", {"message": "assert False"}),
    ],
)
def test_a_test_is_observed_as_it_was(
    name: str, facts: dict[str, object], seen: dict[str, Observation]
) -> None:
    found = asdict(seen[name])
    assert {key: found[key] for key in facts} == {
        key: pytest.approx(value) if isinstance(value, float) else value for key, value in facts.items()
    }
    assert found["peak_mb"] > 1


def test_an_observation_belongs_to_the_slice_of_its_cell(
    workspace: Path, seen: dict[str, Observation]
) -> None:
    source = (workspace / "generated" / "ipfs_accelerate_skills" / "hf_toy.py").read_text()
    versions = {
        name: version.partition("+")[0]
        for name, version in environment().libraries.items()
        if name in {"torch", "transformers", "tokenizers", "numpy"}
    }
    assert seen["test_agrees cpu"].slice == slice_digest(source, "*", "cpu", versions)
    assert seen["test_agrees openvino"].slice != seen["test_agrees cpu"].slice


def test_without_the_option_nothing_is_written_and_the_fixture_works(workspace: Path) -> None:
    done = run_pytest(workspace, "-k", "agrees or foreign")
    assert "3 passed" in done.stdout, done.stdout
    assert sorted(path.name for path in workspace.iterdir()) <= ["generated", "observations"]


def test_the_fixture_costs_other_suites_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'duckdb', 'ipfs_accelerate_py.evidence.recorder'}"
    code = f"import ipfs_accelerate_py.evidence.fixture, sys; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_workers_write_files_of_their_own_and_a_dead_one_is_reported(tmp_path: Path) -> None:
    body = """
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("number", range(4))
def test_works(backend, number):
    pass

@pytest.mark.parametrize("backend", ["openvino"])
def test_dies(backend):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    write_suite(tmp_path, body)
    folder = tmp_path / "observations"
    run_pytest(tmp_path, *PLUGIN, "-p", "xdist", "-n", "2", "--observations", folder, "--run", "two")
    found = lines.read_folder(folder)
    assert {path.name for path in (folder / "two").iterdir()} >= {"main.jsonl", "gw0.jsonl", "gw1.jsonl"}
    assert not found.torn
    assert not found.unfinished
    outcomes = [one.outcome for one in found.observations if not one.is_routine()]
    assert (outcomes.count("passed"), outcomes.count("crashed")) == (8, 1)
    crash = next(one for one in found.observations if one.kind == "crash")
    assert (crash.property, crash.backend, crash.worker) == ("test_dies", "openvino", "main")


@pytest.mark.parametrize(
    ("body", "failure", "message"),
    [
        ("import nonexistent_library", "ModuleNotFoundError", "No module named 'nonexistent_library'"),
        ("pytest.skip('this machine lacks bash', allow_module_level=True)", None, "this machine lacks bash"),
        (
            "from transformers.utils import requires_backends\nrequires_backends(pytest.Item, ['detectron2'])",
            None,
            "this machine lacks detectron2, without which Item cannot be made",
        ),
    ],
)
def test_a_file_that_cannot_be_collected_is_observed(
    body: str, failure: str | None, message: str, tmp_path: Path
) -> None:
    write_suite(tmp_path, body)
    run_pytest(tmp_path, *PLUGIN, "--observations", tmp_path / "observations")
    [one] = lines.read_folder(tmp_path / "observations").observations
    assert (one.model_type, one.property, one.task, one.backend) == ("toy", "collection", "*", "*")
    assert (one.outcome, one.failure, one.message) == ("failed" if failure else "skipped", failure, message)


def test_tests_that_hide_what_they_test_are_refused(tmp_path: Path) -> None:
    _, suite = write_suite(tmp_path, "def test_it():\n    pass\n")
    suite.write_text(suite.read_text().replace(" as skill", " as module"))
    done = run_pytest(tmp_path, *PLUGIN, "--observations", tmp_path / "observations")
    assert done.returncode == 4
    assert "import the module as `skill`, or set SKILL_SOURCE" in done.stderr


def test_a_message_holds_no_secret_and_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "correct horse")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert clean("\n  first\nsecond") == "first"
    assert clean("key correct horse refused") == "key *** refused"
    assert clean("Authorization: Bearer abc.def") == "Authorization: Bearer ***"
    assert clean("https://user:word@host/x failed") == "https://***@host/x failed"
    assert clean("no '/home/somebody/cache/bundles/x.onnx' here") == "no '…/x.onnx' here"
    assert clean("in /home/somebody") == "in ~"
    assert clean("shape (2, 3)/(4, 5), 3/4 and and/or") == "shape (2, 3)/(4, 5), 3/4 and and/or"
    assert clean("x" * 1000) == "x" * (LONGEST - 1) + "…"
