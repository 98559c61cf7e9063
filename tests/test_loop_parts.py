"""The loop goes round until the evidence says nothing new, whatever the modules do; here they only add numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import loop_templates
import pytest

from ipfs_accelerate_generator.adopt import Change
from ipfs_accelerate_generator.finding import Effect
from ipfs_accelerate_generator.loop import LoopReport, options_for, run_loop
from ipfs_accelerate_generator.specfile import read_findings
from ipfs_accelerate_generator.survey.report import Request
from ipfs_accelerate_generator.trial import Trial
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence.observation import Observation


class Follower:
    """Somebody who follows a loop, and may act at one of its stages."""

    def __init__(self, act: Callable[[str, int], None] = lambda name, number: None) -> None:
        self.stages: list[str] = []
        self._act = act

    def stage(self, name: str, number: int) -> None:
        self.stages.append(f"{number} {name}")
        self._act(name, number)

    def counted(self, total: int) -> Callable[[str], None]:
        return lambda name: None

    def planned(self, trial: Trial, wanted: int, done: int) -> None:
        pass

    def observed(self, observation: Observation) -> None:
        pass


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "work").mkdir()
    return Workspace.at(tmp_path / "work", package=loop_templates.package(tmp_path / "package"))


def loop(
    workspace: Workspace, *names: str, follower: Follower | None = None, dry: bool = False
) -> LoopReport:
    return run_loop(
        workspace,
        Request(list(names or ["bert"])),
        options_for(workspace, jobs=1, timeout_s=60, memory_mb=None, fresh=False),
        follower or Follower(),
        dry=dry,
        survey=loop_templates.survey,
    )


def findings(workspace: Workspace) -> dict[str, Effect]:
    path = workspace.root / "model_specs" / "findings" / "bert.toml"
    return {each.backend.value: each.effect for each in read_findings(path)} if path.exists() else {}


def module(workspace: Workspace) -> str:
    return (workspace.root / "generated" / "ipfs_accelerate_skills" / "hf_bert.py").read_text()


def moves(report: LoopReport) -> list[tuple[int, str, str, str]]:
    return [(number, each.backend, each.before, each.after) for number, each in report.changes]


def test_a_loop_proves_what_works_and_then_has_nothing_to_do(workspace: Workspace) -> None:
    follower = Follower()
    first = loop(workspace, follower=follower)
    assert first.ok, (first.failures, first.problems)
    assert findings(workspace) == dict.fromkeys(("cpu", "openvino", "onnxruntime"), Effect.PROVED)
    assert [len(each.changes) for each in first.rounds] == [3, 0]
    assert follower.stages[:6] == [
        "0 survey",
        "1 generate",
        "1 test",
        "1 record",
        "1 adopt",
        "2 generate",
    ]
    again = loop(workspace)
    assert [(each.observed, each.reused, each.changes, each.written) for each in again.rounds] == [
        (0, 6, (), ())
    ]


def test_wrong_numbers_leave_and_return_when_the_template_is_mended(
    workspace: Workspace, tmp_path: Path
) -> None:
    loop_templates.backend(workspace.root, "openvino", 0.3)
    broken = loop(workspace)
    assert (1, "openvino", "", "left out") in moves(broken)
    assert not [one for one in broken.bad if one.backend != "openvino"]
    assert "fill-mask on openvino: largest difference 0.3, at most 0.001 allowed" in module(workspace)
    assert "load_openvino" not in module(workspace)
    assert loop(workspace).changes == (), "what is left out stays so while its text is the same"

    loop_templates.backend(workspace.root, "openvino", 0.2)
    worse = loop(workspace)
    assert moves(worse) == [(1, "openvino", "left out", "left out")]
    assert "largest difference 0.2" in module(workspace)

    (workspace.root / "templates" / "hardware" / "openvino.py.jinja").unlink()
    mended = loop(workspace)
    assert moves(mended) == [(1, "openvino", "left out", "proved")]
    assert findings(workspace)["openvino"] is Effect.PROVED
    assert "left out" not in module(workspace)
    assert "load_openvino" in module(workspace)


def test_a_proved_backend_that_breaks_leaves(workspace: Workspace) -> None:
    loop(workspace)
    loop_templates.backend(workspace.root, "onnxruntime", 0.3)
    assert moves(loop(workspace)) == [(1, "onnxruntime", "proved", "left out")]


@pytest.mark.parametrize(("error", "outlook"), [(12.0, "broken"), (16.0, "unsupported")])
def test_a_crash_or_a_missing_device_is_no_finding(workspace: Workspace, error: float, outlook: str) -> None:
    loop_templates.backend(workspace.root, "openvino", error)
    report = loop(workspace)
    assert findings(workspace) == dict.fromkeys(("cpu", "onnxruntime"), Effect.PROVED)
    [judged] = [each.outlook for each in report.verdicts if each.cell.backend == "openvino"]
    assert judged == outlook
    assert report.ok is (outlook == "unsupported")


def test_a_dry_run_shows_all_of_it_and_changes_no_file(workspace: Workspace) -> None:
    loop_templates.backend(workspace.root, "openvino", 0.3)
    before = sorted(path for path in workspace.root.rglob("*") if path.is_file())
    shown = loop(workspace, dry=True)
    after = sorted(path for path in workspace.root.rglob("*") if path.is_file())
    new = {path.relative_to(workspace.root).parts[0] for path in set(after) - set(before)}
    assert new == {".ipfs-accelerate", "observations"}, "what was seen is kept, for it was seen"
    assert moves(shown) == moves(loop(workspace))


def test_one_types_failure_stops_no_other(workspace: Workspace) -> None:
    report = loop(workspace, "bert", "nonesuch")
    assert report.failures == {"nonesuch": "nonesuch: is no model type"}
    assert not report.ok
    assert findings(workspace)["cpu"] is Effect.PROVED


def test_a_module_without_tests_is_a_failure_that_says_so(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "package" / "templates" / "tests" / "embedding.py.jinja").unlink()
    report = loop(workspace)
    assert report.failures == {"bert": "no template makes tests for it, so that nothing can be proved"}


def test_a_template_that_changes_while_the_loop_runs_ends_it(workspace: Workspace) -> None:
    def interfere(name: str, number: int) -> None:
        if (name, number) == ("test", 1):
            loop_templates.backend(workspace.root, "openvino", 0.3)

    with pytest.raises(WorkspaceError, match="changed while the loop ran"):
        loop(workspace, follower=Follower(interfere))


def test_damaged_findings_are_told_with_file_and_line(workspace: Workspace) -> None:
    path = workspace.root / "model_specs" / "findings" / "bert.toml"
    path.parent.mkdir(parents=True)
    path.write_text('model_type = "bert"\n[[finding]]\ntask = "fill-mask"\nbackend = "openvno"\n')
    report = loop(workspace)
    assert not report.ok
    assert "findings/bert.toml:" in report.failures["bert"]
    assert path.read_text().endswith('"openvno"\n')


def test_a_change_says_from_what_to_what_and_why(workspace: Workspace) -> None:
    loop_templates.backend(workspace.root, "openvino", 0.3)
    [change] = [each for _, each in loop(workspace).changes if each.backend == "openvino"]
    reason = "largest difference 0.3, at most 0.001 allowed"
    assert change == Change("bert", "fill-mask", "openvino", "float32", "", "left out", reason)
