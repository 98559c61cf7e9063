"""The loop on a type of one's own: a backend with wrong numbers leaves with its reason, and returns when mended."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
TEMPLATE = HERE.parent / "templates" / "hardware" / "openvino.py.jinja"
RIGHT = "return {name: request.get_tensor(port).data.copy() for name, port in ports.items()}"
WRONG = "return {name: request.get_tensor(port).data.copy() * 1.5 for name, port in ports.items()}"


def loop(root: Path, *options: str) -> dict[str, Any]:
    """Return what `ipfs-accelerate loop nimble` says in JSON."""
    places = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(places),
        "IPFS_ACCELERATE_HOME": str(root / "home"),
        "HF_HUB_OFFLINE": "1",
    }
    command = [sys.executable, "-m", "ipfs_accelerate_py.cli.app", "loop", "nimble", "--import", "own_type"]
    command += ["--root", str(root), "--json", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout)
    return said | {"stderr": done.stderr}


def docstring(root: Path) -> str:
    """Return the docstring of the generated module."""
    text = (root / "generated" / "ipfs_accelerate_skills" / "hf_nimble.py").read_text()
    return " ".join((ast.get_docstring(ast.parse(text)) or "").split())


def outlook(report: dict[str, Any], backend: str) -> set[str]:
    """Return the verdicts on a backend."""
    return {each["verdict"] for each in report["verdicts"] if each["backend"] == backend}


@pytest.mark.xdist_group("loop")
def test_a_broken_backend_leaves_with_its_reason_and_returns_when_its_template_is_mended(
    tmp_path: Path,
) -> None:
    text = TEMPLATE.read_text()
    assert RIGHT in text
    override = tmp_path / "templates" / "hardware" / TEMPLATE.name
    override.parent.mkdir(parents=True)
    override.write_text(text.replace(RIGHT, WRONG))

    shown = loop(tmp_path, "--dry-run")
    findings = tmp_path / "model_specs" / "findings" / "nimble.toml"
    assert shown["rounds"][0]["changes"]
    assert not findings.exists()
    assert not (tmp_path / "generated").exists()

    broken = loop(tmp_path)
    left = [each for round_ in broken["rounds"] for each in round_["changes"] if each["after"] == "left out"]
    assert {each["backend"] for each in left} == {"openvino"}
    assert {each["task"] for each in left} == {"text-classification", "zero-shot-classification"}
    assert outlook(broken, "onnxruntime") == outlook(broken, "cpu") == {"works"}
    assert "text-classification on openvino: largest difference" in docstring(tmp_path)
    assert "evidence" in findings.read_text()
    assert broken["rounds"][-1]["changes"] == []

    again = loop(tmp_path)
    assert [round_["changes"] for round_ in again["rounds"]] == [[]]
    assert sum(round_["observed"] for round_ in again["rounds"]) == 0, "nothing is tested twice"

    override.unlink()
    mended = loop(tmp_path)
    back = [
        each for round_ in mended["rounds"] for each in round_["changes"] if each["backend"] == "openvino"
    ]
    assert {each["before"] for each in back} == {"left out"}
    assert {each["after"] for each in back} == {"proved"}
    assert outlook(mended, "openvino") == {"works"}
    assert "left out" not in docstring(tmp_path).lower()
    assert (
        "from own_type import NimbleForSequenceClassification"
        in (tmp_path / "generated" / "ipfs_accelerate_skills" / "hf_nimble.py").read_text()
    )
