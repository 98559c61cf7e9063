"""Many model types: what cannot have changed is skipped, one failure stops no other, and no file is ever torn."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_templates import TEXTS, workspace, write_spec, write_templates

from ipfs_accelerate_generator.batch import Report, generate_types
from ipfs_accelerate_generator.check import check
from ipfs_accelerate_generator.module import read_banner
from ipfs_accelerate_generator.templates.sources import TemplateError
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.errors import WorkspaceError

TYPES = ("bert", "electra", "mpnet")
CATALOGUE = "generated/ipfs_accelerate_skills/catalogue.json"
FINDING = """
[[finding]]
task = "fill-mask"
backend = "openvino"
effect = "leave-out"
reason = "largest difference 0.31"
evidence = "9c1d2e4f5a6b"
slice = "0f1e2d3c4b5a"
seen = ["linux"]

[[finding]]
task = "fill-mask"
backend = "cpu"
effect = "proved"
reason = "agrees"
evidence = "9c1d2e4f5a6b"
slice = "0f1e2d3c4b5a"
seen = ["linux"]
difference = 2.5e-6
"""


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return workspace(tmp_path, *TYPES)


def everything(place: Workspace, **options: object) -> Report:
    again = Workspace.at(place.root, package=place.package)  # as the next command would
    return generate_types(again, again.stems, **options)  # type: ignore[arg-type]


def skill(place: Workspace, stem: str = "bert") -> Path:
    return place.root / f"generated/ipfs_accelerate_skills/hf_{stem}.py"


def test_modules_tests_catalogue_and_package_are_written_and_nothing_else(place: Workspace) -> None:
    report = everything(place)
    assert not report.errors
    files = {path.relative_to(place.root).as_posix() for path in place.root.rglob("*") if path.is_file()}
    generated = {path for path in files if path.startswith("generated/")}
    assert generated == set(report.written)
    assert len(generated) == 2 * len(TYPES) + 2
    assert {path.split("/")[0] for path in files} == {"generated", ".ipfs-accelerate"}


def test_what_has_not_changed_is_not_written_and_not_even_made(place: Workspace) -> None:
    everything(place)
    times = {path: path.stat().st_mtime_ns for path in place.generated_files()}
    report = everything(place)
    assert all(outcome.skipped for outcome in report.outcomes)
    assert report.written == ()
    (place.state / "stamp.json").unlink()  # now it is made again, to the same bytes
    report = everything(place)
    assert not any(outcome.skipped for outcome in report.outcomes)
    assert report.written == ()
    assert times == {path: path.stat().st_mtime_ns for path in place.generated_files()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_processes_change_nothing(tmp_path: Path, jobs: int) -> None:
    types = [f"bert{number}" for number in range(9)]
    place = workspace(tmp_path, *types)
    steps: list[str] = []
    report = everything(place, jobs=jobs, step=steps.append)
    assert not report.errors
    assert steps == types
    alone = workspace(tmp_path / "alone", "bert3")
    everything(alone)
    assert skill(alone, "bert3").read_bytes() == skill(place, "bert3").read_bytes()


def test_one_type_s_failure_stops_no_other(place: Workspace) -> None:
    write_spec(place.root, "electra", 'model_type = "electra"\ntitel = "x"\n')
    report = everything(place)
    assert len(report.errors) == 1
    assert "electra.toml:2: " in report.errors[0]
    assert skill(place).exists()
    assert skill(place, "mpnet").exists()
    assert not skill(place, "electra").exists()


def test_a_broken_template_stops_all_before_anything_is_written(place: Workspace) -> None:
    write_templates(place.root, {"hardware/cpu": "def f(:\n"})
    with pytest.raises(TemplateError, match=r"templates/hardware/cpu.py.jinja:1: "):
        everything(place)
    assert not (place.root / "generated").exists()


def test_a_type_without_templates_is_told_and_is_no_failure(place: Workspace) -> None:
    text = write_spec(place.root, "electra").read_text()
    write_spec(place.root, "electra", text.replace('"embedding"', '"vision"'))
    for _ in range(2):
        report = everything(place)
        lacking = {outcome.stem: outcome.lacking for outcome in report.outcomes if outcome.lacking}
        assert lacking == {"electra": "electra: there is no template for the family 'vision' yet"}
        assert not report.errors


def test_only_the_types_that_a_change_concerns_are_made_again(place: Workspace) -> None:
    everything(place)
    findings = place.spec_file("findings", "electra")
    findings.parent.mkdir(parents=True)
    findings.write_text('model_type = "electra"\n' + FINDING)
    report = everything(place)
    assert [outcome.stem for outcome in report.outcomes if not outcome.skipped] == ["electra"]
    assert report.written == (
        "generated/ipfs_accelerate_skills/hf_electra.py",
        "generated/tests/test_hf_electra.py",
        CATALOGUE,
    )
    write_templates(place.root, {"hardware/rocm": TEXTS["hardware/cpu"].replace("cpu", "rocm")})
    assert len(everything(place).written) == len(TYPES) + 1  # each skill, no test, and the catalogue


def test_the_catalogue_says_what_is_left_out_and_what_is_proved(place: Workspace) -> None:
    findings = place.spec_file("findings", "bert")
    findings.parent.mkdir(parents=True)
    findings.write_text('model_type = "bert"\n' + FINDING)
    everything(place)
    entries = json.loads((place.root / CATALOGUE).read_text())
    assert list(entries) == sorted(TYPES)
    assert entries["bert"] == {
        "module": "hf_bert",
        "family": "embedding",
        "tasks": {"fill-mask": "BertForMaskedLM", "feature-extraction": "BertModel"},
        "backends": {"fill-mask": ["cpu"], "feature-extraction": ["cpu", "openvino"]},
        "limits": {"tokens": "max_position_embeddings"},
        "generates": [],
        "not_offered": {"next-sentence-prediction": "nobody wrote a template for it yet"},
        "left_out": {"fill-mask": {"openvino": "largest difference 0.31"}},
        "proved": {"fill-mask": {"cpu": 2.5e-6}},
    }


def test_the_catalogue_forgets_types_that_are_gone_and_is_made_whole_when_it_is_lost(
    place: Workspace,
) -> None:
    everything(place)
    (place.package / "model_specs/surveyed/mpnet.toml").unlink()
    skill(place, "electra").unlink()
    (place.root / CATALOGUE).unlink()
    again = Workspace.at(place.root, package=place.package)
    generate_types(again, ("bert",))
    assert list(json.loads((place.root / CATALOGUE).read_text())) == ["bert"]
    everything(place)
    assert list(json.loads((place.root / CATALOGUE).read_text())) == ["bert", "electra"]
    (place.root / CATALOGUE).write_text("<<<<<<< merge")
    with pytest.raises(WorkspaceError, match="delete it and run: ipfs-accelerate generate --all"):
        everything(place)


@pytest.mark.parametrize("text", ["mine = 1\n", None])
def test_what_a_person_wrote_is_not_replaced_unless_asked(place: Workspace, text: str | None) -> None:
    everything(place)
    edited = text or skill(place).read_text().replace("gelu", "relu")
    skill(place).write_text(edited)
    report = everything(place)
    assert len(report.errors) == 1
    assert "--overwrite" in report.errors[0]
    assert skill(place).read_text() == edited
    assert everything(place, overwrite=True).written == ("generated/ipfs_accelerate_skills/hf_bert.py",)


def test_what_nothing_leads_to_any_more_is_deleted_unless_a_person_changed_it(place: Workspace) -> None:
    everything(place)
    own = skill(place, "electra")
    own.write_text(own.read_text() + "# mine\n")
    (place.package / "templates/families/embedding.py.jinja").unlink()
    report = everything(place)
    assert not skill(place).exists()
    assert {path for path in report.deleted if "hf_bert" in path} == {
        "generated/ipfs_accelerate_skills/hf_bert.py",
        "generated/tests/test_hf_bert.py",
    }
    assert own.exists()
    assert [error for error in report.errors if "electra" in error and "edited by hand" in error]
    own.write_text(own.read_text().removesuffix("# mine\n"))
    assert not everything(place).errors
    assert not check(Workspace.at(place.root, package=place.package), full=True).problems


def test_a_deleted_module_is_made_again(place: Workspace) -> None:
    everything(place)
    skill(place).unlink()
    assert everything(place).written == ("generated/ipfs_accelerate_skills/hf_bert.py",)


def test_an_own_spec_goes_before_the_package_s(place: Workspace) -> None:
    text = write_spec(place.root, "bert").read_text()
    write_spec(place.root, "bert", text.replace('title = "BERT"', 'title = "My own"'))
    everything(place)
    assert '"""My own, for checkpoints' in skill(place).read_text()
    assert '"""BERT, for checkpoints' in skill(place, "electra").read_text()


@pytest.mark.parametrize(
    ("name", "fact"), [("generated", "Not a directory"), (".ipfs-accelerate", "File exists")]
)
def test_a_file_in_the_place_of_a_folder_is_a_clear_error(place: Workspace, name: str, fact: str) -> None:
    (place.root / name).write_text("in the way")
    with pytest.raises(WorkspaceError, match=fact):
        everything(place)


RUN = """
import sys
from pathlib import Path
from ipfs_accelerate_generator.batch import generate_types
from ipfs_accelerate_generator.workspace import Workspace
place = Workspace.at(Path(sys.argv[1]), package=Path(sys.argv[2]))
print("ready", flush=True)
report = generate_types(place, place.stems)
sys.exit(len(report.errors))
"""


def start(place: Workspace) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, str(place.root), str(place.package)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    return running


def test_killed_at_any_moment_it_leaves_every_file_whole_and_the_next_run_ends_the_work(
    tmp_path: Path,
) -> None:
    place = workspace(tmp_path, *(f"bert{number}" for number in range(40)))
    chance = random.Random(7)
    for _ in range(4):
        with start(place) as running:
            time.sleep(chance.uniform(0.05, 0.6))
            running.send_signal(signal.SIGKILL)
        for path in place.generated_files():
            banner = read_banner(path.read_bytes())
            assert banner is not None
            assert banner.is_intact
        if (place.root / CATALOGUE).exists():
            json.loads((place.root / CATALOGUE).read_text())
    assert not everything(place).errors
    assert check(Workspace.at(place.root, package=place.package), full=True).problems == ()


def test_the_same_command_twice_at_once_ends_well_both_times(place: Workspace) -> None:
    with start(place) as one, start(place) as other:
        assert (one.wait(60), other.wait(60)) == (0, 0)
    assert check(place).problems == ()
    assert list(json.loads((place.root / CATALOGUE).read_text())) == sorted(TYPES)
