"""A run that is killed at any moment loses nothing that it had seen, and the next one goes on from there."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from trial_suites import children, write_suite

from ipfs_accelerate_generator.trial import Options, Trial, run_trials
from ipfs_accelerate_py.evidence import lines
from ipfs_accelerate_py.evidence.observation import COLLECTION, SHUTDOWN

TESTS = 16
BODY = f"""
@pytest.mark.parametrize("number", range({TESTS}))
@pytest.mark.parametrize("backend", BACKENDS)
def test_works(number, backend):
    time.sleep(0.02)
"""

DRIVER = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit one that is ignored
import resource
import sys
from pathlib import Path
from ipfs_accelerate_generator.trial import Options, Trial, run_trials
from ipfs_accelerate_py.evidence.subject import model_type_of

root = Path(sys.argv[1])
for room in sys.argv[2:]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(room), int(room)))
suites = sorted((root / "generated" / "tests").glob("test_hf_*.py"))
trials = [
    Trial(str(model_type_of(suite)), root / "generated" / "ipfs_accelerate_skills" / suite.name[5:], suite)
    for suite in suites
]
report = run_trials(trials, Options(root / "observations", jobs=2, timeout_s=60, memory_mb=4000))
sys.exit(len(report.problems))
"""


def drive(root: Path, *room: int) -> subprocess.Popen[bytes]:
    """Start a run; each file that it writes finds place for `room` bytes, as on a disk that becomes full."""
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(root), *map(str, room)],
        start_new_session=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},  # what it compiles would be cut off, too
    )


def gone(numbers: list[int]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{number}/environ").exists() for number in numbers):
            return True
        time.sleep(0.02)
    return False


def test_a_run_that_is_killed_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    chaos = random.Random()
    for name in ("toy", "other"):
        write_suite(tmp_path, BODY, model_type=name)
    folder = tmp_path / "observations"
    kept: set[str] = set()
    for round_ in range(40):
        driver = drive(tmp_path)
        try:
            driver.wait(chaos.uniform(0.4, 1.6) if round_ < 6 else 60)
            break  # it was faster than we
        except subprocess.TimeoutExpired:
            pass
        victims = children(driver.pid)
        if victims and chaos.random() < 0.4:  # a child: the driver must notice and go on
            with contextlib.suppress(ProcessLookupError):
                os.kill(chaos.choice(victims), signal.SIGKILL)
            time.sleep(chaos.uniform(0.0, 0.5))
            victims = children(driver.pid)
        driver.kill()
        driver.wait()
        assert gone(victims), "children must end with their driver"
        seen = {one.id for one in lines.read_folder(folder).observations}
        assert kept <= seen
        kept = seen
    assert driver.returncode == 0
    found = lines.read_folder(folder)
    assert kept <= {one.id for one in found.observations}
    # A child that is killed before its first test or behind its last one has crashed there, too.
    seen_of = [one for one in found.observations if one.property not in (COLLECTION, SHUTDOWN)]
    times = Counter((one.model_type, one.property, one.backend) for one in seen_of)
    assert len(times) == 2 * 2 * TESTS
    assert set(times.values()) == {1}, "what was seen once was not run again"
    assert {one.outcome for one in found.observations} <= {"passed", "crashed"}


def test_a_disk_that_is_full_ends_a_run_and_with_room_it_goes_on(tmp_path: Path) -> None:
    for name in ("toy", "other"):
        write_suite(tmp_path, BODY, model_type=name)
    folder = tmp_path / "observations"
    assert drive(tmp_path, 12_000).wait(60) != 0
    kept = lines.read_folder(folder).observations
    assert 0 < sum(not one.is_routine() for one in kept) < 2 * 2 * TESTS
    assert drive(tmp_path).wait(60) == 0
    found = lines.read_folder(folder)
    assert {one.id for one in kept} <= {one.id for one in found.observations}
    seen = Counter(
        (one.model_type, one.property, one.backend) for one in found.observations if not one.is_routine()
    )
    assert len(seen) == 2 * 2 * TESTS
    assert set(seen.values()) == {1}, "what was seen once was not run again"
    assert {one.outcome for one in found.observations} == {"passed"}


def test_ctrl_c_ends_the_children_and_the_next_run_goes_on(tmp_path: Path) -> None:
    module, suite = write_suite(tmp_path, BODY.replace("0.02", "0.2"))
    driver = drive(tmp_path)
    folder = tmp_path / "observations"
    deadline = time.monotonic() + 60
    while len(lines.read_folder(folder).observations) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    victims = children(driver.pid)
    assert victims
    driver.send_signal(signal.SIGINT)
    assert driver.wait(20) != 0
    assert gone(victims)
    seen = sum(not one.is_routine() for one in lines.read_folder(folder).observations)
    assert 0 < seen < 2 * TESTS
    suite.write_text(suite.read_text() + "# a comment\n")
    report = run_trials([Trial("toy", module, suite)], Options(folder, timeout_s=60, memory_mb=4000))
    assert (len(report.reused), len(report.observations)) == (seen, 2 * TESTS - seen)
    assert report.ok


def test_two_runs_at_once_both_end_well(tmp_path: Path) -> None:
    write_suite(tmp_path, BODY)
    drivers = [drive(tmp_path), drive(tmp_path)]
    assert [driver.wait(120) for driver in drivers] == [0, 0]
    found = lines.read_folder(tmp_path / "observations")
    assert (found.torn, found.unfinished) == ([], [])
    seen = [one for one in found.observations if not one.is_routine()]
    assert len({(one.property, one.backend) for one in seen}) == 2 * TESTS


def test_torn_lines_of_a_killed_run_are_counted_and_their_tests_run_again(tmp_path: Path) -> None:
    module, suite = write_suite(tmp_path, BODY)
    toy = Trial("toy", module, suite)
    options = Options(tmp_path / "observations", timeout_s=60, memory_mb=4000)
    first = run_trials([toy], options)
    file = first.folder / "hf_toy.jsonl"
    raw = file.read_bytes()
    file.write_bytes(raw[:-40])
    again = run_trials([toy], Options(tmp_path / "observations", timeout_s=60, memory_mb=4000))
    assert len(again.torn) == 1
    assert (len(again.observations), len(again.reused)) == (1, 2 * TESTS - 1)
