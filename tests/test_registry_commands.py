"""`record` and `coverage` say what they did, what is proved, and what to do where they cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from registry_evidence import AGREES, CONTROL, HERE, seen, write

from ipfs_accelerate_py.cli.app import main
from ipfs_accelerate_py.evidence.environment import versions
from ipfs_accelerate_py.evidence.observation import Observation
from ipfs_accelerate_py.evidence.slices import slice_digest

LATER = {"started": "2026-01-03T03:04:05.678+00:00"}
VIT = {"model_type": "vit", "task": "image-classification"}
CATALOGUE = {
    "bert": {
        "module": "hf_bert",
        "tasks": {"fill-mask": "BertForMaskedLM"},
        "backends": {"fill-mask": ["cpu", "openvino"]},
        "left_out": {"fill-mask": {"onnxruntime": "aten::histc"}},
        "generates": ["text-generation"],
        "not_offered": {"text-generation": "no template"},
    }
}
UNSURVEYED = """
[dinat]
reason = "DinatModel requires the natten library"
tasks = ["image-classification"]
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with one run: bert works on cpu and OpenVINO, vit gives wrong numbers on OpenVINO."""
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path / "home"))
    good = [seen(**AGREES, backend=name, route="dynamo") for name in ("cpu", "openvino")]
    controls = [seen(**CONTROL, backend=name) for name in ("cpu", "openvino")]
    wrong = seen(**VIT, outcome="failed", difference=0.3123, tolerance=1e-3, failure="AssertionError")
    absent = seen(**VIT, backend="cuda", outcome="skipped", message="no CUDA device | here")
    work = tmp_path / "work"
    write(work / "observations" / "run1" / "gw0.jsonl", [*good, *controls, wrong, absent])
    (work / "generated" / "ipfs_accelerate_skills").mkdir(parents=True)
    (work / "generated" / "ipfs_accelerate_skills" / "catalogue.json").write_text(json.dumps(CATALOGUE))
    (work / "model_specs" / "overrides").mkdir(parents=True)
    (work / "model_specs" / "unsurveyed.toml").write_text(UNSURVEYED)
    (work / "model_specs" / "overrides" / "bert.toml").write_text('reason = "a test"\n')
    return work


def said(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    assert main([str(argument) for argument in arguments]) == code
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Any:
    return json.loads(said(capsys, *arguments, "--json"))


def test_record_says_how_much_is_new_and_where_it_went(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "record", "--root", root)
    assert text.startswith("6 new observations, 0 known, from 1 files, in ")
    again = as_json(capsys, "record", root / "observations", "--root", root)
    assert (again["new"], again["known"], again["wrong"]) == (0, 6, [])
    assert Path(again["database"]).is_file()


def test_record_names_a_wrong_line_and_fails(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = root / "observations" / "run1" / "gw0.jsonl"
    with file.open("a") as lines:
        lines.write('{"kind": "guess"}\n{"kind": "te')
    assert main(["record", "--root", str(root)]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("6 new")
    assert "gw0.jsonl:8: kind of line 'guess' is not known" in captured.err
    assert "torn line, left by a process that was stopped: " in captured.err
    assert "gw0.jsonl:9" in captured.err


def test_record_of_a_path_that_is_not_there_says_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "nowhere", "--root", str(root)]) == 1
    assert "nowhere: does not exist" in capsys.readouterr().err
    assert main(["record", "nowhere", "--from", "evidence"]) == 2


def test_evidence_can_be_carried_to_another_workspace(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "record", "--root", root, "--export", root / "evidence")
    there = root.parent / "there"
    there.mkdir()
    report = as_json(capsys, "record", "--from", root / "evidence", "--root", there)
    assert report["new"] == 6
    here, other = (as_json(capsys, "coverage", "--root", place)["verdicts"] for place in (root, there))
    assert [row for row in here if "seen" in row] == other


def test_coverage_counts_what_is_proved(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "record", "--root", root)
    found = as_json(capsys, "coverage", "--root", root)
    assert found["totals"] == {
        "model_types": 3,
        "cpu": 1,
        "openvino": 1,
        "onnxruntime": 0,
        "any_exported": 1,
        "generating": 1,
        "generating_cached": 0,
        "task_pairs": 4,
        "task_pairs_cpu": 1,
        "task_pairs_arrays": 0,
        "overrides": 1,
        "works": 2,
        "broken": 1,
        "unsupported": 1,
        "unknown": 3,
    }
    rows = {(row["model_type"], row["backend"]): row for row in found["verdicts"]}
    assert rows["bert", "openvino"]["route"] == "dynamo"
    assert rows["bert", "onnxruntime"]["reason"] == "not tested yet"
    assert rows["dinat", "cpu"]["reason"] == "DinatModel requires the natten library"
    assert rows["vit", "openvino"]["reason"] == "largest difference 0.31, at most 0.001 allowed"


def test_coverage_shows_what_it_is_asked_for(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "record", "--root", root)
    assert "vit" not in said(capsys, "coverage", "bert", "--root", root)
    broken = as_json(capsys, "coverage", "--verdict", "broken", "--root", root)["verdicts"]
    assert [(row["model_type"], row["backend"]) for row in broken] == [("vit", "openvino")]


def test_coverage_as_markdown_has_a_line_for_each_task(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "record", "--root", root)
    text = said(capsys, "coverage", "--markdown", "--root", root)
    assert (
        "| bert | fill-mask | 1.0e-06 dynamo | 1.0e-06 dynamo | unknown | onnxruntime: not tested yet |"
        in text
    )
    assert "- cuda: generated, and never run; no CUDA device | here" in text
    assert (
        "| dinat | image-classification | unknown |  |  | cpu: DinatModel requires the natten library |"
        in text
    )


def test_a_verdict_about_arrays_says_that_no_processor_is_proved(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = root / "generated" / "ipfs_accelerate_skills" / "catalogue.json"
    why = "what BertProcessor makes of a text is not proved here"
    path.write_text(json.dumps({"bert": {**CATALOGUE["bert"], "arrays": {"fill-mask": why}}}))
    said(capsys, "record", "--root", root)
    found = as_json(capsys, "coverage", "--root", root)
    assert found["totals"]["task_pairs_arrays"] == 1
    told = {(row["task"], row["verdict"]): row.get("processor") for row in found["verdicts"]}
    for (task, _), processor in told.items():
        assert processor == (f"processor not proved: {why}" if task == "fill-mask" else None)
    assert ("fill-mask", "works") in told, "also where it works"
    assert f"| unknown | processor not proved: {why}; " in said(
        capsys, "coverage", "--markdown", "--root", root
    )
    assert why in said(capsys, "coverage", "--html", "--root", root)
    terminal = said(capsys, "coverage", "bert", "--verdict", "works", "--root", root)
    assert "processor not proved" in terminal


def test_a_text_cannot_leave_its_place_on_the_page(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "</script><script>alert(1)</script>"
    (root / "model_specs" / "unsurveyed.toml").write_text(
        f"[dinat]\nreason = '{hostile}'\ntasks = ['image-classification']\n"
    )
    exact = seen(**{**AGREES, "difference": 0.0}, backend="xpu")
    write(root / "observations" / "run1" / "gw1.jsonl", [exact, seen(**CONTROL, backend="xpu")])
    said(capsys, "record", "--root", root)
    page = said(capsys, "coverage", "--html", "--root", root)
    assert hostile not in page
    assert '"difference": 0.0,' in page  # which is a number, and not the lack of one
    assert "alert(1)" in page
    assert "://" not in page  # it needs nothing from elsewhere


def test_coverage_says_what_is_different_from_an_earlier_time(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "record", "--root", root)
    before = root / "before.json"
    before.write_text(said(capsys, "coverage", "--json", "--root", root))
    assert said(capsys, "coverage", "--against", before, "--root", root) == "nothing is different\n"
    (root / "model_specs" / "unsurveyed.toml").unlink()
    fixed = seen(**VIT, backend="cuda", run="run2", started="2026-02-02T03:04:05.678+00:00", **AGREES)
    sure = seen(**VIT, backend="cuda", run="run2", started="2026-02-02T03:04:05.678+00:00", **CONTROL)
    write(root / "observations" / "run2" / "gw0.jsonl", [fixed, sure])
    said(capsys, "record", "--root", root)
    found = as_json(capsys, "coverage", "--against", before, "--root", root)["changes"]
    told = [(each["model_type"], each["backend"], each["before"], each["after"]) for each in found]
    assert told == [("vit", "cuda", "unsupported", "works"), ("dinat", "cpu", "unknown", "absent")]
    before.write_text("[]")
    assert main(["coverage", "--against", str(before), "--root", str(root)]) == 1
    assert "is no earlier coverage" in capsys.readouterr().err


def test_coverage_can_be_read_from_evidence_alone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "record", "--root", root, "--export", root / "evidence")
    recorded = as_json(capsys, "coverage", "--root", root)
    (root / ".ipfs-accelerate" / "results.duckdb").unlink()
    assert as_json(capsys, "coverage", "--root", root, "--from", root / "evidence") == recorded


def test_what_an_older_text_showed_is_not_counted_as_current(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = root / "generated" / "ipfs_accelerate_skills" / "hf_bert.py"
    module.write_text('HEADS = {"fill-mask": 1}\ndef load_cpu(): ...\ndef load_openvino(): return 1\n')
    write(root / "observations" / "run1" / "gw0.jsonl", _seen_of(module.read_text()))
    said(capsys, "record", "--root", root)

    def works() -> set[str]:
        found = as_json(capsys, "coverage", "bert", "--current", "--root", root)
        assert found["totals"]["works"] == sum(row["verdict"] == "works" for row in found["verdicts"])
        return {row["backend"] for row in found["verdicts"] if row["verdict"] == "works"}

    assert works() == {"cpu", "openvino"}
    module.write_text(module.read_text().replace("return 1", "return 2  # another text for OpenVINO alone"))
    assert works() == {"cpu"}
    rows = as_json(capsys, "coverage", "bert", "--current", "--root", root)["verdicts"]
    assert [row["reason"] for row in rows if row["backend"] == "openvino"] == [
        "works by an older text, on 2026-01-03; `loop` tests it again"
    ]
    assert as_json(capsys, "coverage", "bert", "--root", root)["totals"]["works"] == 2


def _seen_of(text: str) -> list[Observation]:
    """Return what was seen of two backends of the module `text`, under the digests that it has."""
    lines = []
    for backend in ("cpu", "openvino"):
        libraries = versions(backend, HERE)
        of_this = {"backend": backend, "slice": slice_digest(text, "fill-mask", backend, libraries), **LATER}
        lines += [seen(**AGREES, **of_this), seen(**CONTROL, **of_this)]
    return lines


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [(["brt"], "'bert'"), (["--backend", "openvno"], "'openvino'"), (["--task", "fil-mask"], "'fill-mask'")],
)
def test_coverage_offers_the_nearest_name(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], nearest: str
) -> None:
    said(capsys, "record", "--root", root)
    assert main(["coverage", *arguments, "--root", str(root)]) == 1
    assert nearest in capsys.readouterr().err


def test_coverage_without_results_says_how_to_make_them(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["coverage", "--root", str(root)]) == 1
    assert "`ipfs-accelerate record` makes it" in capsys.readouterr().err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("record", "coverage"):
        assert f"  ipfs-accelerate {command}" in said(capsys, command, "--help")


def test_a_spec_without_a_module_is_counted_with_what_it_would_do(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "record", "--root", root)
    before = as_json(capsys, "coverage", "--root", root)["totals"]["model_types"]
    surveyed = root / "model_specs" / "surveyed"
    surveyed.mkdir(parents=True, exist_ok=True)
    (surveyed / "lone.toml").write_text('model_type = "lone"\n[[heads]]\ntask = "text-to-audio"\n')
    found = as_json(capsys, "coverage", "--root", root)
    assert found["totals"]["model_types"] == before + 1
    [cell] = [each for each in found["verdicts"] if each["model_type"] == "lone"]
    assert (cell["task"], cell["verdict"]) == ("text-to-audio", "unknown")
    assert "no module" in cell["reason"]
    (surveyed / "lone.toml").write_text("model_type = \n")
    said(capsys, "coverage", "--root", root, code=1)
