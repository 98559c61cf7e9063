"""Children that are forked end, crash and hang like those that are started, and need not import PyTorch."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from trial_suites import children, write_suite

from ipfs_accelerate_generator.trial import Options, Trial, TrialReport, run_trials
from ipfs_accelerate_py.errors import WorkspaceError

BODIES = {
    "prepared": "def test_of_it():\n    import sys\n    assert 'torch' in sys.modules\n",
    "failing": "def test_of_it():\n    assert skill.WIDTH == 5\n",
    "crashing": "def test_of_it():\n    ctypes.string_at(0)\n\ndef test_after():\n    pass\n",
    "leaving": "def test_of_it():\n    os._exit(7)\n\ndef test_after():\n    pass\n",
    "hanging": "def test_of_it():\n    time.sleep(600)\n\ndef test_after():\n    pass\n",
    "killing-its-parent": "def test_of_it():\n    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(600)\n",
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere children are started one by one")


def run(root: Path, names: list[str]) -> TrialReport:
    trials = []
    for name in names:
        module, suite = write_suite(root, BODIES[name], model_type=name)
        trials.append(Trial(name, module, suite))
    return run_trials(
        trials, Options(observations=root / "observations", timeout_s=10.0, memory_mb=4000.0, jobs=2)
    )


def test_what_becomes_of_one_child_is_told_and_harms_no_other(tmp_path: Path) -> None:
    before = set(children(os.getpid()))
    report = run(tmp_path, ["prepared", "failing", "crashing", "leaving", "hanging"])
    found = {f"{one.model_type} {one.property}": (one.outcome, one.failure) for one in report.observations}
    assert found == {
        "prepared test_of_it": ("passed", None),
        "failing test_of_it": ("failed", "AssertionError"),
        "crashing test_of_it": ("crashed", "SIGSEGV"),
        "crashing test_after": ("passed", None),
        "leaving test_of_it": ("crashed", "SystemExit"),
        "leaving test_after": ("passed", None),
        "hanging test_of_it": ("timed_out", "TimeLimit"),
        "hanging test_after": ("passed", None),
    }
    assert not report.problems
    assert set(children(os.getpid())) <= before


def test_without_the_process_that_forks_the_run_says_so_and_another_goes_on(tmp_path: Path) -> None:
    before = set(children(os.getpid()))
    names = ["killing-its-parent", "prepared", "failing", "leaving"]
    with pytest.raises(WorkspaceError, match="run the same command to go on"):
        run(tmp_path, names)
    assert set(children(os.getpid())) <= before
