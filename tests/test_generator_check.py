"""`check` finds every way in which a generated file can differ from what leads to it, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_templates import TEXTS, workspace, write_spec, write_templates

from ipfs_accelerate_generator import stamp
from ipfs_accelerate_generator.batch import generate_types
from ipfs_accelerate_generator.check import MOST_DIFFS, Checked, Kind, check
from ipfs_accelerate_generator.lineage import generator_digest, sources
from ipfs_accelerate_generator.workspace import Workspace

SKILL = "generated/ipfs_accelerate_skills/hf_bert.py"
TEST = "generated/tests/test_hf_bert.py"
CATALOGUE = "generated/ipfs_accelerate_skills/catalogue.json"


@pytest.fixture(params=["with its stamp", "fresh"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Workspace:
    """A workspace in which all is well; a fresh one is as after `git clone`."""
    made = workspace(tmp_path, "bert", "electra")
    generate_types(made, made.stems)
    if request.param == "fresh":
        (made.state / stamp.FILE).unlink()
    return made


def checked(place: Workspace, *, full: bool = False) -> Checked:
    before = {path: path.read_bytes() for path in place.root.rglob("*") if path.is_file()}
    found = check(Workspace.at(place.root, package=place.package), full=full)
    assert before == {path: path.read_bytes() for path in place.root.rglob("*") if path.is_file()}
    return found


def kinds(place: Workspace, *, full: bool = False) -> list[tuple[Kind, str]]:
    return [(problem.kind, problem.path) for problem in checked(place, full=full).problems]


full_or_not = pytest.mark.parametrize("full", [False, True])


@full_or_not
def test_nothing_is_wrong_with_what_was_just_generated(place: Workspace, full: bool) -> None:
    assert kinds(place, full=full) == []
    assert checked(place, full=full).types == 2


@full_or_not
def test_a_hand_edit_is_found_and_shown(place: Workspace, full: bool) -> None:
    path = place.root / SKILL
    path.write_text(path.read_text().replace("gelu", "relu"))
    (problem,) = checked(place, full=full).problems
    assert (problem.kind, problem.path) == (Kind.HAND_EDIT, SKILL)
    changed = [line for line in problem.diff.splitlines() if line[0] in "+-"]
    assert [line[0] for line in changed] == ["-", "+", "-", "+"]  # the two file names, and the line
    assert "relu" in changed[2]
    assert "gelu" in changed[3]


@full_or_not
def test_a_file_without_a_banner_is_not_ours(place: Workspace, full: bool) -> None:
    (place.root / SKILL).write_text("mine = 1\n")
    assert kinds(place, full=full) == [(Kind.HAND_EDIT, SKILL)]


@full_or_not
def test_a_changed_template_is_drift_where_it_is_used(place: Workspace, full: bool) -> None:
    write_templates(place.root, {"tests/tasks/fill_mask": TEXTS["tests/tasks/fill_mask"] + "\n\nX = 1\n"})
    others = [(Kind.DRIFT, path.replace("bert", "electra")) for path in (TEST,)]
    assert kinds(place, full=full) == [(Kind.DRIFT, TEST), *others]
    assert "+X = 1\n" in checked(place, full=full).problems[0].diff


@full_or_not
def test_a_changed_spec_is_drift_of_its_own_type_only(place: Workspace, full: bool) -> None:
    path = write_spec(place.root, "bert")
    path.write_text(path.read_text().replace("BertForMaskedLM", "BertForMasking"))
    found = kinds(place, full=full)
    assert (Kind.DRIFT, SKILL) in found
    assert (Kind.DRIFT, CATALOGUE) in found
    assert not any("electra" in path for _, path in found)


@full_or_not
def test_a_missing_file_is_found(place: Workspace, full: bool) -> None:
    (place.root / TEST).unlink()
    assert kinds(place, full=full) == [(Kind.MISSING, TEST)]


@full_or_not
def test_a_file_that_nothing_leads_to_is_an_orphan(place: Workspace, full: bool) -> None:
    (place.package / "model_specs/surveyed/bert.toml").unlink()
    assert kinds(place, full=full) == [(Kind.ORPHAN, SKILL), (Kind.ORPHAN, TEST)]


@full_or_not
def test_a_test_whose_template_is_gone_is_an_orphan(place: Workspace, full: bool) -> None:
    (place.package / "templates/tests/embedding.py.jinja").unlink()
    assert (Kind.ORPHAN, TEST) in kinds(place, full=full)


@full_or_not
def test_a_type_whose_templates_are_gone_leaves_orphans(place: Workspace, full: bool) -> None:
    (place.package / "templates/families/embedding.py.jinja").unlink()
    assert {kind for kind, _ in kinds(place, full=full)} == {Kind.ORPHAN}


@full_or_not
def test_an_edited_catalogue_is_drift(place: Workspace, full: bool) -> None:
    path = place.root / CATALOGUE
    path.write_text(path.read_text().replace("embedding", "vision", 1))
    assert kinds(place, full=full) == [(Kind.DRIFT, CATALOGUE)]


@full_or_not
def test_a_spec_that_is_not_well_formed_is_said_with_its_line(place: Workspace, full: bool) -> None:
    write_spec(place.root, "bert", 'model_type = "bert"\ntitel = "BERT"\n')
    (problem,) = checked(place, full=full).problems
    assert problem.kind is Kind.ERROR
    assert "bert.toml:2: key 'titel' is not known; did you mean 'title'?" in problem.fact


def test_a_type_of_the_package_that_the_workspace_never_had_is_not_missing(place: Workspace) -> None:
    write_spec(place.package, "mpnet")
    assert kinds(place) == []


def test_without_a_stamp_it_says_what_digests_cannot_tell(place: Workspace) -> None:
    fresh = not (place.state / stamp.FILE).exists()
    assert ("check --full" in checked(place).notice) == fresh
    assert checked(place, full=True).notice == ""


def test_only_the_first_differences_are_made(tmp_path: Path) -> None:
    place = workspace(tmp_path, *(f"bert{number}" for number in range(MOST_DIFFS + 2)))
    generate_types(place, place.stems)
    for path in place.generated_files():
        path.write_text(path.read_text() + "x = 1\n")
    problems = checked(place).problems
    assert len(problems) == 2 * (MOST_DIFFS + 2)
    assert sum(bool(problem.diff) for problem in problems) == 2 * MOST_DIFFS


def test_the_stamp_covers_what_shapes_a_text_and_not_what_runs_it() -> None:
    names = {path.name for path in sources()}
    assert {
        "make.py",
        "compose.py",
        "fragment.py",
        "prose.py",
        "spec.py",
        "finding.py",
        "backend.py",
    } <= names
    assert {"sources.py", "literals.py", "rename.py", "imports.py", "dialect.py", "values.py"} <= names
    assert not names & {"batch.py", "check.py", "store.py", "app.py"}


def test_another_generator_s_stamp_is_not_believed(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    generate_types(place, place.stems)
    path = place.state / stamp.FILE
    path.write_text(path.read_text().replace(generator_digest(), "0" * 12))
    assert stamp.read_stamp(place).types == {}
    path.write_text("{")
    assert stamp.read_stamp(place).types == {}
    assert not any(outcome.skipped for outcome in generate_types(place, place.stems).outcomes)
