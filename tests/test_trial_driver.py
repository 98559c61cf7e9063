"""Whatever a model does to its process, the run goes on and says what it was."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from trial_suites import SKILL, children, write_suite

from ipfs_accelerate_generator.trial import Options, Trial, TrialReport, run_trials
from ipfs_accelerate_py.errors import InputError, WorkspaceError
from ipfs_accelerate_py.evidence import lines
from ipfs_accelerate_py.evidence.environment import environment
from ipfs_accelerate_py.evidence.observation import COLLECTION, SHUTDOWN, Observation

BOTH = '@pytest.mark.parametrize("backend", BACKENDS)\n'


def trial(root: Path, body: str, model_type: str = "toy", skill: str = SKILL) -> Trial:
    module, suite = write_suite(root, body, model_type=model_type, skill=skill)
    return Trial(model_type, module, suite)


def options(root: Path, **more: object) -> Options:
    given = {"timeout_s": 60.0, "memory_mb": 4000.0, **more}
    return Options(observations=root / "observations", **given)  # type: ignore[arg-type]


def outcomes(report: TrialReport) -> dict[str, str]:
    return {f"{one.property} {one.backend}": one.outcome for one in report.everything}


def only(report: TrialReport, outcome: str) -> Observation:
    [found] = [one for one in report.observations if one.outcome == outcome]
    return found


def test_a_run_observes_every_test_of_every_type(tmp_path: Path) -> None:
    body = BOTH + "def test_works(backend):\n    pass\n\ndef test_whole():\n    assert skill.WIDTH == 4\n"
    trials = [trial(tmp_path, body, name) for name in ("toy", "other-toy")]
    report = run_trials(trials, options(tmp_path, jobs=2))
    assert report.ok
    assert [one.model_type for one in report.observations].count("other-toy") == 3
    assert outcomes(report) == dict.fromkeys(
        ["test_works cpu", "test_works openvino", "test_whole *"], "passed"
    )
    columns, rows = report.table()
    assert columns == ["model type", "cpu", "openvino", "whole module"]
    assert rows == [["other-toy", "1 ok", "1 ok", "1 ok"], ["toy", "1 ok", "1 ok", "1 ok"]]
    assert report.to_json()["model_types"]["toy"] == {name: {"ok": 1} for name in ("cpu", "openvino", "*")}


@pytest.mark.parametrize(
    ("crash", "failure", "message"),
    [
        ("ctypes.string_at(0)", "SIGSEGV", r"ended by SIGSEGV, in string_at \(__init__\.py:\d+\)"),
        ("os.abort()", "SIGABRT", r"ended by SIGABRT, in test_dies \(test_hf_toy\.py:\d+\)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL", "ended by SIGKILL"),
        ("os._exit(7)", "SystemExit", "the process ended with status 7 within the test"),
        ("os._exit(0)", "SystemExit", "the process ended with status 0 within the test"),
    ],
)
def test_a_crash_is_an_observation_and_the_rest_is_run(
    crash: str, failure: str, message: str, tmp_path: Path
) -> None:
    body = (
        "def test_before():\n    pass\n\n"
        + BOTH
        + f"def test_dies(backend):\n    if backend == 'cpu':\n        {crash}\n"
    )
    report = run_trials([trial(tmp_path, body)], options(tmp_path))
    assert outcomes(report) == {
        "test_before *": "passed",
        "test_dies cpu": "crashed",
        "test_dies openvino": "passed",
    }
    crashed = only(report, "crashed")
    assert (crashed.kind, crashed.failure, crashed.worker) == ("crash", failure, "driver")
    with pytest.raises(AssertionError, match=message + "$"):
        raise AssertionError(crashed.message)
    assert not report.ok
    assert not report.problems
    assert lines.read_folder(tmp_path / "observations").unfinished == []


@pytest.mark.parametrize(
    "hang",
    ["time.sleep(600)", "while True: pass", "signal.signal(signal.SIGABRT, signal.SIG_IGN); time.sleep(600)"],
)
def test_a_hang_is_an_observation_and_the_rest_is_run(hang: str, tmp_path: Path) -> None:
    body = f"def test_hangs():\n    {hang}\n\ndef test_after():\n    pass\n"
    report = run_trials([trial(tmp_path, body)], options(tmp_path, timeout_s=2.0))
    assert outcomes(report) == {"test_hangs *": "timed_out", "test_after *": "passed"}
    found = only(report, "timed_out")
    assert (found.kind, found.failure) == ("timeout", "TimeLimit")
    assert found.seconds >= 2
    assert str(found.message).startswith("no answer within 2 s")
    if "signal" not in hang:
        assert "in test_hangs (test_hf_toy.py:" in str(found.message)


def test_a_cell_whose_export_hangs_is_left_and_the_others_are_run(tmp_path: Path) -> None:
    (tmp_path / "export_server.py").write_text("import time\n\ndef export():\n    time.sleep(600)\n")
    body = (
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport export_server\n"
        + "".join(
            f"\n{BOTH}def test_{name}(backend):\n    if backend == 'openvino':\n        export_server.export()\n"
            for name in ("agrees", "matters", "answers")
        )
        + "\ndef test_after():\n    pass\n"
    )
    report = run_trials([trial(tmp_path, body)], options(tmp_path, timeout_s=3.0))
    assert outcomes(report) == {
        "test_agrees cpu": "passed",
        "test_agrees openvino": "timed_out",
        "test_matters cpu": "passed",
        "test_answers cpu": "passed",
        "test_after *": "passed",
    }
    assert "in export (export_server.py:" in str(only(report, "timed_out").message)
    [problem] = report.problems
    assert problem.startswith("toy: 2 more tests of * on openvino were not run: its export takes too long")


def test_a_test_that_holds_too_much_is_ended_and_the_rest_is_run(tmp_path: Path) -> None:
    body = (
        "def test_grows():\n    held = []\n    while len(held) < 60:\n"
        "        held.append(bytearray(os.urandom(1)) * 50_000_000)\n        time.sleep(0.05)\n"
        "    time.sleep(60)\n\ndef test_after():\n    pass\n"
    )
    report = run_trials([trial(tmp_path, body)], options(tmp_path, memory_mb=400))
    assert outcomes(report) == {"test_grows *": "out_of_memory", "test_after *": "passed"}
    found = only(report, "out_of_memory")
    assert (found.kind, found.failure) == ("memory", "MemoryLimit")
    assert 400 < float(found.peak_mb or 0) < 2000
    assert str(found.message).endswith("MB, at most 400 MB allowed")


def test_the_memory_of_what_a_test_starts_counts_and_ends_with_it(tmp_path: Path) -> None:
    body = """
import subprocess, sys

def test_grows_elsewhere():
    code = "import time; held = bytearray(b'x') * 600_000_000; time.sleep(600)"
    hidden = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    Path(__file__).with_name("pid").write_text(str(hidden.pid))
    hidden.wait()
"""
    report = run_trials([trial(tmp_path, body)], options(tmp_path, memory_mb=500))
    assert outcomes(report) == {"test_grows_elsewhere *": "out_of_memory"}
    assert ended(int((tmp_path / "generated" / "tests" / "pid").read_text()))


def test_what_a_test_leaves_behind_is_ended(tmp_path: Path) -> None:
    body = """
import subprocess

def test_leaves_something_behind():
    left = subprocess.Popen(["sleep", "600"], start_new_session=True)
    Path(__file__).with_name("pid").write_text(str(left.pid))
    left.returncode = 0
"""
    assert run_trials([trial(tmp_path, body)], options(tmp_path)).ok
    assert ended(int((tmp_path / "generated" / "tests" / "pid").read_text()))


def ended(number: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("body", "outcome", "message"),
    [
        ("import nonexistent_library\n", "failed", "No module named 'nonexistent_library'"),
        ("os.kill(os.getpid(), signal.SIGSEGV)\n", "crashed", "ended by SIGSEGV"),
        ("time.sleep(600)\n", "timed_out", "no answer within 3 s"),
        ("pytest.skip('this machine lacks a display', allow_module_level=True)\n", "skipped", "this machine"),
    ],
)
def test_tests_that_cannot_be_collected_are_one_observation(
    body: str, outcome: str, message: str, tmp_path: Path
) -> None:
    other = trial(tmp_path, "def test_works():\n    pass\n", "other")
    report = run_trials([trial(tmp_path, body), other], options(tmp_path, timeout_s=3.0))
    assert outcomes(report) == {"collection *": outcome, "test_works *": "passed"}
    assert message in str(only(report, outcome).message)
    assert report.ok == (outcome == "skipped")


def test_a_crash_after_the_last_test_belongs_to_no_test(tmp_path: Path) -> None:
    body = "import atexit\natexit.register(os.abort)\n\ndef test_works():\n    pass\n"
    report = run_trials([trial(tmp_path, body)], options(tmp_path))
    assert outcomes(report) == {"test_works *": "passed", "shutdown *": "crashed"}


def test_a_crash_outside_all_tests_is_taken_back_when_it_is_gone(tmp_path: Path) -> None:
    flag = tmp_path / "crash"
    body = "def test_works():\n    pass\n"
    at_exit = f"import atexit\nif Path({str(flag)!r}).exists(): atexit.register(os.abort)\n"
    at_import = f"if Path({str(flag)!r}).exists(): os.abort()\n"
    for name, start in ((SHUTDOWN, at_exit), (COLLECTION, at_import)):
        root = tmp_path / name
        this = trial(root, start + body)
        flag.touch()
        assert outcomes(run_trials([this], options(root)))[f"{name} *"] == "crashed"
        assert not run_trials([this], options(root)).ok
        flag.unlink()
        report = run_trials([this], options(root, fresh=True))
        assert report.ok
        assert outcomes(report) == {"test_works *": "passed"}
        of_this = [
            one for one in lines.read_folder(root / "observations").observations if one.property == name
        ]
        of_this.sort(key=lambda one: one.started)  # folders of runs in one second are in any order
        assert (of_this[0].outcome, of_this[-1].outcome) == ("crashed", "passed")


def test_a_process_that_is_told_to_stop_says_nothing_about_the_model(tmp_path: Path) -> None:
    body = "def test_is_stopped():\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(60)\n"
    report = run_trials([trial(tmp_path, body)], options(tmp_path))
    assert not report.observations
    assert not report.ok
    assert "toy: was stopped by SIGTERM" in report.problems[0]


def test_what_was_seen_is_not_run_again(tmp_path: Path) -> None:
    body = BOTH + "def test_works(backend):\n    if backend == 'cpu':\n        os.abort()\n"
    first = run_trials([trial(tmp_path, body)], options(tmp_path))
    again = run_trials([trial(tmp_path, body)], options(tmp_path))
    assert (again.observations, set(again.reused)) == ((), set(first.observations))
    assert not again.folder.exists()  # nothing was started
    fresh = run_trials([trial(tmp_path, body)], options(tmp_path, fresh=True))
    assert (len(fresh.observations), fresh.reused) == (2, ())


SHOUT = "def shout_model(checkpoint):\n    return WIDTH * 2"


@pytest.mark.parametrize(
    ("skill", "body", "again"),
    [
        pytest.param(SKILL.replace("+ 0", "+ 1"), None, ["test_works openvino"], id="one backend"),
        pytest.param(SKILL.replace(SHOUT, SHOUT + "2"), None, [], id="another task"),
        pytest.param(SKILL + "# a comment\n", None, [], id="a comment"),
        pytest.param(SKILL, "assert True", ["test_works cpu", "test_works openvino"], id="the tests"),
    ],
)
def test_what_has_changed_is_run_again(
    skill: str, body: str | None, again: list[str], tmp_path: Path
) -> None:
    test = BOTH + '@pytest.mark.parametrize("task", ["echo"])\ndef test_works(task, backend):\n    '
    run_trials([trial(tmp_path, test + "pass\n")], options(tmp_path))
    report = run_trials([trial(tmp_path, test + (body or "pass") + "\n", skill=skill)], options(tmp_path))
    assert [f"{one.property} {one.backend}" for one in report.observations] == again
    assert sorted(outcomes(report)) == ["test_works cpu", "test_works openvino"]


def test_another_environment_is_seen_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    this = trial(tmp_path, "def test_works():\n    pass\n")
    report = run_trials([this], options(tmp_path))
    path = report.folder / "hf_toy.jsonl"
    path.write_text(
        path.read_text()
        .replace(environment().digest, "0" * 12)
        .replace('"kind": "environment"', '"kind": "environ')
    )
    again = run_trials([this], options(tmp_path))
    assert len(again.observations) == 1
    assert again.torn == (f"{path}:1",)


def test_a_test_that_ran_out_is_tried_again_with_more(tmp_path: Path) -> None:
    this = trial(tmp_path, "def test_is_slow():\n    time.sleep(3)\n")
    assert outcomes(run_trials([this], options(tmp_path, timeout_s=1.5))) == {"test_is_slow *": "timed_out"}
    assert not run_trials([this], options(tmp_path, timeout_s=1.5)).observations
    assert outcomes(run_trials([this], options(tmp_path, timeout_s=30.0))) == {"test_is_slow *": "passed"}
    assert run_trials([this], options(tmp_path, timeout_s=1.5)).ok


def test_only_what_is_asked_for_is_run(tmp_path: Path) -> None:
    body = (
        BOTH
        + '@pytest.mark.parametrize("task", list(skill.HEADS))\ndef test_works(task, backend):\n    pass\n'
    )
    this = trial(tmp_path, body + "\ndef test_whole():\n    pass\n")
    report = run_trials([this], options(tmp_path, backends=("openvino",), tasks=("shout",)))
    assert [(one.task, one.backend) for one in report.observations] == [("shout", "openvino")]
    report = run_trials([this], options(tmp_path, backends=("openvino",)))
    assert (len(report.observations), len(report.reused)) == (1, 1)
    report = run_trials([this], options(tmp_path))
    assert (len(report.observations), len(report.reused)) == (3, 2)


def test_an_expected_failure_is_fine_and_a_mended_one_is_not(tmp_path: Path) -> None:
    body = BOTH + "@pytest.mark.xfail(strict=True)\ndef test_works(backend):\n    assert backend == 'cpu'\n"
    report = run_trials([trial(tmp_path, body)], options(tmp_path))
    assert report.table()[1] == [["toy", "1 mended", "1 expected failure"]]
    assert [one.backend for one in report.bad()] == ["cpu"]
    assert run_trials([trial(tmp_path, body)], options(tmp_path)).table() == report.table()


def test_a_candidate_in_a_scratch_tree_is_tried_in_place_of_the_module(tmp_path: Path) -> None:
    body = "def test_width():\n    assert skill.WIDTH == 5\n"
    committed = trial(tmp_path, body)
    candidate = trial(tmp_path / "scratch", body, skill=SKILL.replace("WIDTH = 4", "WIDTH = 5"))
    report = run_trials([committed, candidate], options(tmp_path))
    assert [one.outcome for one in report.observations] == ["failed", "passed"]
    assert len({one.slice for one in report.observations}) == 2
    assert len({one.worker for one in report.observations}) == 2


def test_a_module_changed_within_the_second_is_not_taken_from_its_bytecode(tmp_path: Path) -> None:
    body = "def test_width():\n    assert skill.WIDTH == {}\n"
    for width in (4, 5, 6):
        this = trial(tmp_path, body.format(width), skill=SKILL.replace("WIDTH = 4", f"WIDTH = {width}"))
        for path in (this.module, this.suite):
            os.utime(path, (1e9, 1e9))
        assert run_trials([this], options(tmp_path)).ok


def test_the_surroundings_of_a_test_do_not_depend_on_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nonexistent-option")
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--another"\n')
    body = """
def test_surroundings():
    threads = str(max(1, os.cpu_count() // 2))
    wanted = {"HF_HUB_OFFLINE": "1", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": threads}
    assert {name: os.environ[name] for name in wanted} == wanted
    import resource
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
"""
    report = run_trials([trial(tmp_path, body)], options(tmp_path, jobs=2))
    assert report.ok, report.bad()


def test_a_trial_that_cannot_be_started_does_not_stop_the_others(tmp_path: Path) -> None:
    good = trial(tmp_path, "def test_works():\n    pass\n")
    (tmp_path / "elsewhere").mkdir()
    lost = replace(good, model_type="lost", module=tmp_path / "elsewhere" / "hf_lost.py")
    bare = replace(good, model_type="bare", module=tmp_path / "elsewhere" / "hf_bare.py")
    bare.module.write_text(SKILL)
    wrong = trial(tmp_path, "def test_works():\n    pass\n", "wrong")
    wrong.suite.write_text(wrong.suite.read_text().replace("import hf_wrong", "import hf_toy"))
    report = run_trials([lost, bare, wrong, good], options(tmp_path))
    assert outcomes(report) == {"test_works *": "passed"}
    assert len(report.problems) == 3
    assert "lost: " in report.problems[0]
    assert "cannot be read" in report.problems[0]
    assert "has no __init__.py" in report.problems[1]
    assert "but …/hf_wrong.py was to be tested" in report.problems[2]


def test_limits_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="timeout must be more than 0, not -1"):
        options(tmp_path, timeout_s=-1)
    with pytest.raises(InputError, match="jobs"):
        options(tmp_path, jobs=0)


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "observations").write_text("a file")
    with pytest.raises(WorkspaceError, match=r"observations/.*cannot be written"):
        run_trials([trial(tmp_path, "def test_works():\n    pass\n")], options(tmp_path))


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    before = set(children(os.getpid()))
    yield
    assert set(children(os.getpid())) <= before
