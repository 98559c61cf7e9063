"""This machine's measurements add up, once each, and order the backends."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence import profile
from ipfs_accelerate_py.evidence.cells import Cell
from ipfs_accelerate_py.evidence.observation import KIND_OF, Observation, new_id

HERE = "aaaabbbbcccc"


def seen(
    backend: str, seconds: float = 1.0, *, at: int = 0, name: str = profile.SPEED, outcome: str = "passed"
) -> Observation:
    return Observation(
        run="r",
        worker="main",
        kind=KIND_OF.get(outcome, "test"),
        model_type="bert",
        task="fill-mask",
        backend=backend,
        precision="float32",
        property=name,
        outcome=outcome,
        seconds=seconds,
        peak_mb=100.0 + at,
        slice="0" * 12,
        environment=HERE,
        started=f"2026-01-01T00:00:{at:02d}.000+00:00",
    )


def ranking(path: Path, environment: str = HERE) -> list[str]:
    return profile.ranking("bert", "fill-mask", environment=environment, path=path)


def test_backends_are_ranked_by_the_median_of_their_calls(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    calls = [seen("cpu", 0.02), seen("openvino", 0.01), seen("openvino", 0.012), seen("openvino", 9.0)]
    profile.remember([*calls, seen("onnxruntime", 0.001, name="test_agrees")], path=path)
    assert ranking(path) == ["openvino", "cpu"]
    cell = Cell("bert", "fill-mask", "openvino")
    assert profile.measurements(environment=HERE, path=path)[cell].seconds == 0.012


def test_another_environment_has_measurements_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    profile.remember([seen("cpu"), replace(seen("cuda"), environment="1" * 12)], path=path)
    assert ranking(path) == ["cpu"]
    assert ranking(path, "1" * 12) == ["cuda"]
    assert profile.ranking("bert", "fill-mask", path=path) == []
    assert profile.ranking("bert", "fill-mask", path=tmp_path / "absent.json") == []


@pytest.mark.parametrize("outcome", ["crashed", "timed_out", "out_of_memory"])
def test_a_backend_that_crashed_comes_back_when_the_same_test_passes(outcome: str, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    crash = seen("openvino", at=3, name="test_agrees", outcome=outcome)
    profile.remember([seen("cpu"), seen("openvino", at=1), crash], path=path)
    assert ranking(path) == ["cpu"]
    profile.remember([seen("openvino", at=4, name="test_padding")], path=path)
    assert ranking(path) == ["cpu"]
    profile.remember([seen("openvino", 0.5, at=5, name="test_agrees")], path=path)
    assert ranking(path) == ["cpu", "openvino"]
    profile.remember([crash], path=path)  # the old news again
    assert ranking(path) == ["cpu", "openvino"]


AGREES = "test_agrees_with_eager_float32_on_the_cpu"


def test_a_backend_whose_numbers_were_wrong_here_is_not_ranked_however_fast(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    wrong = seen("openvino", at=1, name=AGREES, outcome="failed")
    profile.remember([seen("cpu"), seen("openvino", 0.001, at=2), wrong], path=path)
    assert profile.standing("bert", "fill-mask", environment=HERE, path=path) == profile.Standing(
        ranked=("cpu",), failed=("openvino",)
    )
    profile.remember([seen("openvino", at=3, name=AGREES)], path=path)
    assert ranking(path) == ["openvino", "cpu"]
    profile.remember([wrong], path=path)  # the old news again
    assert ranking(path) == ["openvino", "cpu"]


def test_a_failure_is_one_of_the_text_that_was_tested_last(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    old = seen("openvino", at=1, name=AGREES, outcome="failed")
    new = replace(seen("openvino", 0.001, at=2), slice="1" * 12)
    profile.remember([new, old], path=path)  # in whatever order they come
    assert ranking(path) == ["openvino"]
    profile.remember([replace(old, started=seen("cpu", at=3).started, slice="1" * 12)], path=path)
    assert ranking(path) == []


def test_a_control_that_fails_says_nothing_about_the_backend(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    control = replace(
        seen("openvino", at=1, name="test_every_input_matters", outcome="failed"), kind="control"
    )
    profile.remember([seen("openvino"), control], path=path)
    assert ranking(path) == ["openvino"]


def test_a_profile_of_before_failures_were_kept_is_read(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    entry = {"seconds": {"2026": 1.0}, "peak_mb": None, "ended": {"test_x": ["2026", "crashed"]}}
    cells = {"bert": {"fill-mask": {"cpu": {"float32": {**entry, "ended": {}}}, "mps": {"float32": entry}}}}
    path.write_text(json.dumps({"version": 1, "environments": {HERE: cells}}))
    assert ranking(path) == ["cpu"]


def test_the_same_observations_again_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    some = [seen("cpu", at / 10, at=at) for at in range(20)]
    some += [
        seen("cpu", at=at, name="test_x", outcome=outcome) for at, outcome in ((1, "crashed"), (2, "passed"))
    ]
    profile.remember(some, path=path)
    text = path.read_text()
    profile.remember(reversed(some), path=path)
    profile.remember(some[5:9], path=path)
    assert path.read_text() == text
    assert len(text) < 1500  # the samples of a cell do not pile up


def test_what_was_simulated_or_concerns_no_cell_is_not_measured(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    profile.remember([replace(seen("cuda"), simulated=True), replace(seen("cpu"), task="*")], path=path)
    assert not path.exists()


def _remember(path: Path, backend: str) -> None:
    for at in range(5):
        profile.remember([replace(seen(backend, at=at), id=new_id())], path=path)


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    processes = [get_context("spawn").Process(target=_remember, args=(path, f"b{n}")) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert sorted(ranking(path)) == ["b0", "b1", "b2"]


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 99}'])
def test_a_damaged_file_is_named_with_the_way_out(text: str, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(WorkspaceError, match=r"profile\.json: .*delete it"):
        ranking(path)


def test_reading_loads_nothing_heavy() -> None:
    code = (
        "import ipfs_accelerate_py.evidence.profile as p, sys; p.ranking('a', 'b');"
        "print(sorted({'torch', 'transformers', 'duckdb', 'importlib.metadata'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
