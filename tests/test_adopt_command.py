"""`adopt` shows a diff, writes it unless asked not to, and says what is missing; candidates are what is stale."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import loop_templates
import pytest
from registry_evidence import AGREES, CONTROL, seen, write
from small_templates import SPEC, left_out

from ipfs_accelerate_generator.candidates import candidate, candidates, is_stale
from ipfs_accelerate_generator.finding import Finding
from ipfs_accelerate_generator.specfile import read_findings, write_findings, write_surveyed
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.cli.app import main
from ipfs_accelerate_py.evidence.environment import versions
from ipfs_accelerate_py.evidence.slices import slice_digest
from ipfs_accelerate_py.files import write_atomic
from ipfs_accelerate_py.locations import results_file
from ipfs_accelerate_py.registry import results

OWN = {"model_type": "pebble"}  # a type about which the package ships no findings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with a type of its own, whose fill-mask works on the CPU and gives wrong numbers on OpenVINO."""
    surveyed = tmp_path / "model_specs" / "surveyed" / "pebble.toml"
    write_atomic(surveyed, write_surveyed(replace(SPEC, model_type="pebble")))
    good = [seen(**AGREES, **OWN, backend="cpu"), seen(**CONTROL, **OWN, backend="cpu")]
    wrong = seen(**OWN, outcome="failed", difference=0.3123, tolerance=1e-3, failure="AssertionError")
    crash = seen(**OWN, backend="onnxruntime", kind="crash", outcome="crashed", message="signal 11")
    file = write(tmp_path / "observations" / "run1" / "gw0.jsonl", [*good, wrong, crash])
    results.record([file], results_file(tmp_path))
    return tmp_path


def findings_file(root: Path) -> Path:
    return root / "model_specs" / "findings" / "pebble.toml"


def adopt(root: Path, capsys: pytest.CaptureFixture[str], *options: str, code: int = 0) -> str:
    assert main(["adopt", *options, "--root", str(root)]) == code
    return capsys.readouterr().out


def test_the_diff_is_shown_and_written(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = adopt(root, capsys, "pebble", "--dry-run")
    assert '+reason = "largest difference 0.31, at most 0.001 allowed"' in shown
    assert "1 files of findings would change" in shown
    assert not findings_file(root).exists()
    done = adopt(root, capsys, "pebble")
    assert done.replace("would change", "changed") == shown.replace("would change", "changed")
    found = {each.backend.value: each.effect.value for each in read_findings(findings_file(root))}
    assert found == {"cpu": "proved", "openvino": "leave-out"}
    assert "model types, 0 files" in adopt(root, capsys, "pebble")


def test_json_says_the_same(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [said] = json.loads(adopt(root, capsys, "pebble", "--json"))
    changes: list[dict[str, Any]] = said["changes"]
    assert [(each["backend"], each["after"]) for each in changes] == [
        ("cpu", "proved"),
        ("openvino", "left out"),
    ]
    assert (said["changed"], said["error"]) == (True, "")
    assert said["diff"].startswith("--- /dev/null\n+++ b/model_specs/findings/pebble.toml\n")


def test_the_text_of_findings_is_the_same_on_every_machine(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adopt(root, capsys, "pebble")
    text = findings_file(root).read_text()
    findings_file(root).unlink()
    results_file(root).unlink()
    results.record(sorted(root.rglob("*.jsonl")), results_file(root))
    adopt(root, capsys, "pebble")
    assert findings_file(root).read_text() == text


def test_what_was_not_tested_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nothing recorded about 1 of them; run: ipfs-accelerate test vit" in adopt(
        root, capsys, "pebble", "vit"
    )


def test_without_results_the_message_says_how_to_make_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["adopt", "bert", "--root", str(tmp_path)]) == 1
    assert "`ipfs-accelerate record` makes it" in capsys.readouterr().err


def test_damaged_findings_are_named_and_the_other_types_go_on(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_atomic(
        root / "model_specs" / "findings" / "vit.toml", 'model_type = "vit"\n[[finding]]\ntask = 3\n'
    )
    assert main(["adopt", "pebble", "vit", "--root", str(root)]) == 1
    captured = capsys.readouterr()
    assert "findings/vit.toml:" in captured.err
    assert findings_file(root).exists()


def test_an_adoption_killed_at_any_moment_leaves_whole_files(root: Path) -> None:
    chance = random.Random(11)
    command = [sys.executable, "-m", "ipfs_accelerate_py.cli.app", "adopt", "pebble", "--root", str(root)]
    for _ in range(4):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(chance.uniform(0.2, 1.5))
            process.kill()
        assert not findings_file(root).exists() or len(read_findings(findings_file(root))) == 2
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert len(read_findings(findings_file(root))) == 2


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", "--help"]) == 0
    assert "  ipfs-accelerate adopt bert vit" in capsys.readouterr().out


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "work").mkdir()
    place = Workspace.at(tmp_path / "work", package=loop_templates.package(tmp_path / "package"))
    write_atomic(place.spec_file("surveyed", "bert"), write_surveyed(SPEC))
    return place


def say(workspace: Workspace, *findings: Finding) -> None:
    write_atomic(workspace.spec_file("findings", "bert"), write_findings("bert", findings))


def digest(source: str, backend: str) -> str:
    return slice_digest(source, "fill-mask", backend, versions(backend))


def test_a_candidate_has_what_was_left_out_of_another_text(workspace: Workspace) -> None:
    templates = Templates.of(workspace.templates())
    assert candidate(workspace.spec_files("bert"), templates) is None
    old = left_out("wrong numbers")
    say(workspace, old)
    found = candidate(workspace.spec_files("bert"), templates)
    assert found is not None
    assert (found.model_type, found.stale) == ("bert", (old,))
    source = found.modules[0].text
    assert "load_openvino" in source
    current = replace(old, slice=digest(source, "openvino"))
    assert is_stale(old, source)
    assert not is_stale(current, source)
    say(workspace, current)
    assert candidate(workspace.spec_files("bert"), templates) is None, "it was seen of this very text"
    newer = candidate(workspace.spec_files("bert"), templates, versions=lambda backend: {"openvino": "9"})
    assert newer is not None, "another version of a library is another text"


def test_a_candidate_has_no_more_than_what_is_stale(workspace: Workspace) -> None:
    templates = Templates.of(workspace.templates())
    stale = left_out("wrong numbers")
    other = replace(stale, backend="onnxruntime")
    say(workspace, stale, other)
    whole = candidate(workspace.spec_files("bert"), templates)
    assert whole is not None
    assert len(whole.stale) == 2
    say(workspace, stale, replace(other, slice=digest(whole.modules[0].text, "onnxruntime")))
    found = candidate(workspace.spec_files("bert"), templates)
    assert found is not None
    assert found.stale == (stale,)
    assert "load_openvino" in found.modules[0].text
    assert "load_onnxruntime" not in found.modules[0].text


def test_a_pair_that_the_module_has_no_more_is_not_tried(workspace: Workspace) -> None:
    say(
        workspace,
        replace(left_out("wrong"), task="text-classification"),
        replace(left_out("w"), backend="mps"),
    )
    assert candidate(workspace.spec_files("bert"), Templates.of(workspace.templates())) is None


def test_candidates_are_written_outside_what_is_generated(workspace: Workspace, tmp_path: Path) -> None:
    say(workspace, left_out("wrong numbers"))
    found = candidates(workspace, ["bert"], tmp_path / "scratch")
    [trial] = found.trials
    assert (trial.model_type, found.errors) == ("bert", {})
    assert trial.module.is_relative_to(tmp_path / "scratch")
    assert trial.suite.is_file()
    assert (trial.module.parent / "__init__.py").is_file()
    assert not (workspace.root / "generated").exists()


def test_one_types_bad_spec_stops_no_other_candidate(workspace: Workspace, tmp_path: Path) -> None:
    say(workspace, left_out("wrong numbers"))
    bad = replace(SPEC, model_type="bart")
    write_atomic(workspace.spec_file("surveyed", "bart"), "nonsense = 1\n" + write_surveyed(bad))
    write_atomic(workspace.spec_file("findings", "bart"), write_findings("bart", [left_out("wrong")]))
    found = candidates(workspace, ["bart", "bert"], tmp_path / "scratch")
    assert [trial.model_type for trial in found.trials] == ["bert"]
    assert "nonsense" in found.errors["bart"]
