"""Recording keeps every observation once, whatever happens to the process that records."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from registry_evidence import AGREES, CONTROL, HERE, began, holds, seen, write

from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence.profile import measurements
from ipfs_accelerate_py.registry import results

RECORD = """import sys
from pathlib import Path
from ipfs_accelerate_py.registry import results
print("reading", flush=True)
report = results.record([Path(name) for name in sys.argv[2:]], Path(sys.argv[1]))
print(report.new, flush=True)
"""


def count(database: Path, table: str = "observation") -> int:
    with results.connect(database, read_only=True) as connection:
        [(number,)] = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(number)


def recorder(script: Path, database: Path, *files: Path) -> subprocess.Popen[str]:
    script.write_text(RECORD)
    command = [sys.executable, str(script), str(database), *map(str, files)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_recording_twice_changes_nothing(tmp_path: Path) -> None:
    database = tmp_path / "results.duckdb"
    file = write(tmp_path / "run1" / "gw0.jsonl", [holds("test_agrees"), seen(**AGREES), seen(**CONTROL)])
    first = results.record([file], database)
    assert (first.files, first.new, first.known, first.runs) == (1, 2, 0, ("run1",))
    again = results.record([file, file], database)
    assert (again.new, again.known) == (0, 4)
    assert count(database) == 2
    assert count(database, "collected") == 1
    assert count(database, "environment") == 1


def test_a_line_that_cannot_be_used_is_named_and_the_others_are_kept(tmp_path: Path) -> None:
    file = write(tmp_path / "gw0.jsonl", [seen()])
    whole = file.read_text().splitlines()[-1]
    with file.open("ab") as raw:
        raw.write(b'{"kind": "test", "run\n')
        raw.write(b"\xff\xfe\n")
        raw.write(whole.replace('"passed"', '"succeeded"').encode() + b"\n")
        raw.write(whole.replace("2026-01-02T03:04:05.678+00:00", "yesterday").encode() + b"\n")
        raw.write(b"[1, 2]\n\n")
        raw.write(whole.replace(f'"{seen().run}"', '"run2"').encode()[:-7])
    write(file, [seen(property="test_after_the_tear")])
    report = results.record([file], tmp_path / "results.duckdb")
    assert report.new == 2
    assert report.torn == tuple(f"{file}:{line}" for line in (3, 4, 9))
    assert [text.partition(": ")[0] for text in report.wrong] == [f"{file}:{line}" for line in (5, 6, 7)]
    assert "outcome 'succeeded' is not known" in report.wrong[0]
    assert "'yesterday'" in report.wrong[1]


def test_speed_and_memory_go_into_the_profile_of_the_machine(tmp_path: Path) -> None:
    timed = seen(property="test_speed", seconds=0.25, peak_mb=300.0)
    crashed = seen(property="test_b", kind="crash", outcome="crashed")
    file = write(tmp_path / "gw0.jsonl", [timed, crashed])
    for _ in range(2):
        results.record([file], tmp_path / "results.duckdb", profile=tmp_path / "profile.json")
    [(cell, measured)] = measurements(path=tmp_path / "profile.json").items()
    assert (cell, measured.seconds, measured.peak_mb, measured.crashes) == (
        timed.cell(),
        0.25,
        300.0,
        ("test_b",),
    )


def test_a_test_that_began_and_never_ended_is_reported(tmp_path: Path) -> None:
    ended, lost = seen(), seen(property="test_lost")
    file = write(tmp_path / "gw0.jsonl", [began(ended), ended, began(lost)])
    report = results.record([file], tmp_path / "results.duckdb")
    assert report.unfinished == ("test_hf.py::test_lost",)
    assert count(tmp_path / "results.duckdb", "begun") == 2


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"gw7\.jsonl: cannot be read: No such file"):
        results.record([tmp_path / "gw7.jsonl"], tmp_path / "results.duckdb")


def test_nothing_to_record_still_makes_the_database(tmp_path: Path) -> None:
    report = results.record([], tmp_path / "results.duckdb")
    assert (report.files, report.new, report.runs) == (0, 0, ())
    assert count(tmp_path / "results.duckdb") == 0


def test_a_recorder_killed_at_any_moment_loses_nothing_and_the_next_completes_it(tmp_path: Path) -> None:
    chance = random.Random(7)
    database = tmp_path / "results.duckdb"
    kept = write(tmp_path / "kept.jsonl", [seen(run="kept") for _ in range(50)])
    results.record([kept], database)
    many = 3000
    file = write(tmp_path / "many.jsonl", [seen(run="many", property=f"test_{n}") for n in range(many)])
    survivors = set()
    for _ in range(8):
        with recorder(tmp_path / "record.py", database, file) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.6))
            process.send_signal(signal.SIGKILL)
        survivors.add(count(database))
    assert survivors <= {50, 50 + many}, "a transaction was kept in part"
    results.record([kept, file], database)
    assert count(database) == 50 + many


def test_two_recorders_at_once_both_end_well(tmp_path: Path) -> None:
    database = tmp_path / "results.duckdb"
    files = [
        write(tmp_path / f"gw{worker}.jsonl", [seen(worker=f"gw{worker}") for _ in range(400)])
        for worker in range(3)
    ]
    shared = write(tmp_path / "shared.jsonl", [seen(worker="shared") for _ in range(100)])
    processes = [recorder(tmp_path / f"record{n}.py", database, file, shared) for n, file in enumerate(files)]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert sorted(int(out.split()[-1]) for out, _ in said) == [400, 400, 500]
    assert count(database) == 1300


def test_runs_can_be_asked_for(tmp_path: Path) -> None:
    database = tmp_path / "results.duckdb"
    later = {"run": "run2", "started": "2026-01-03T00:00:00+00:00"}
    file = write(
        tmp_path / "gw0.jsonl", [seen(), seen(**later), seen(**later, property="b", outcome="failed")]
    )
    results.record([file], database)
    with results.connect(database, read_only=True) as connection:
        rows = connection.execute(
            "SELECT id, environment, observations, failures FROM run ORDER BY id"
        ).fetchall()
    assert rows == [("run1", HERE.digest, 1, 0), ("run2", HERE.digest, 2, 1)]
