"""The command `test` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from trial_suites import write_suite

from ipfs_accelerate_py.cli.app import main

BODY = """
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("task", list(skill.HEADS))
def test_works(task, backend):
    if backend == "openvino" and task == "shout":
        os.abort()
    if backend == "openvino":
        pytest.skip("this machine lacks openvino")
"""


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-m", "ipfs_accelerate_py.cli.app", "test", *arguments, "--root", str(root)]
    return subprocess.run(given, capture_output=True, text=True, check=False)


def test_a_table_says_what_was_seen_and_the_failures_why(tmp_path: Path) -> None:
    write_suite(tmp_path, BODY)
    write_suite(tmp_path, "def test_whole():\n    pass\n", model_type="good-toy")
    done = command(tmp_path, "--all", "-j", "2")
    assert done.returncode == 1
    out = done.stdout.splitlines()
    assert out[0].split() == ["model", "type", "cpu", "openvino", "whole", "module"]
    assert out[1].split() == ["good-toy", "1", "ok"]
    assert " ".join(out[2].split()) == "toy 2 ok 1 crashed, 1 skipped"
    assert out[3].startswith(
        "toy shout openvino, test_works: crashed: ended by SIGABRT, in test_works (test_hf"
    )
    assert out[4].startswith("5 tests run; observations in ")
    assert "test toy: 4 tests, 0 seen before" in done.stderr

    good = command(tmp_path, "good-toy")
    assert good.returncode == 0, good.stderr
    assert "0 tests run, 1 seen before and not changed" in good.stdout


def test_json_is_all_that_is_printed(tmp_path: Path) -> None:
    write_suite(tmp_path, BODY)
    done = command(tmp_path, "toy", "--json", "--backend", "CPU", "--task", "fill-mask", "--timeout", "60")
    assert (done.returncode, json.loads(done.stdout)["model_types"]) == (0, {})
    done = command(tmp_path, "toy", "--json", "--backend", "ov")
    found = json.loads(done.stdout)
    assert found["model_types"] == {"toy": {"openvino": {"crashed": 1, "skipped": 1}}}
    assert (found["ok"], found["tests"], found["bad"][0]["failure"]) == (False, 2, "SIGABRT")


def test_bad_input_is_named_with_what_could_be_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*arguments: str) -> str:
        assert main(["test", *arguments, "--root", str(tmp_path)]) in {1, 2}
        said = capsys.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err
        return said.err

    assert "has no generated tests; write some with: ipfs-accelerate generate bert" in refused("bert")
    write_suite(tmp_path, BODY)
    assert "generated model type 'toi' is not known; did you mean 'toy'?" in refused("toi")
    assert "did you mean 'openvino'" in refused("toy", "--backend", "openvno")
    assert "did you mean 'fill-mask'" in refused("toy", "--task", "fil-mask")
    assert "timeout must be more than 0" in refused("toy", "--timeout", "-1")
    assert "name model types" in refused()
    assert "name model types" in refused("toy", "--all")
