"""A database file is made whole, brought up to date, waited for, and never left open."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from ipfs_accelerate_py import files
from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.registry import store

FIRST = "CREATE TABLE word (text VARCHAR PRIMARY KEY);"
SECOND = "ALTER TABLE word ADD COLUMN length INTEGER; UPDATE word SET length = len(text);"


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_words.sql").write_text(FIRST)
    return folder


def words(path: Path, migrations: Path) -> list[str]:
    with store.connect(path, migrations, read_only=True) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM word ORDER BY text").fetchall()]


def test_a_new_database_has_every_migration_and_keeps_what_is_written(
    tmp_path: Path, migrations: Path
) -> None:
    path = tmp_path / "deep" / "folder" / "words.duckdb"
    with store.connect(path, migrations) as connection:
        connection.execute("INSERT INTO word VALUES ('one')")
    assert words(path, migrations) == ["one"]
    assert [file.name for file in path.parent.iterdir() if not file.name.startswith(".")] == ["words.duckdb"]
    assert not list(path.parent.glob(".*.part*"))


@pytest.mark.parametrize("read_only", [False, True])
def test_an_older_database_is_brought_up_to_date_even_to_be_read(
    tmp_path: Path, migrations: Path, read_only: bool
) -> None:
    path = tmp_path / "words.duckdb"
    with store.connect(path, migrations) as connection:
        connection.execute("INSERT INTO word VALUES ('three')")
    (migrations / "002_length.sql").write_text(SECOND)
    with store.connect(path, migrations, read_only=read_only) as connection:
        assert connection.execute("SELECT length FROM word").fetchall() == [(5,)]


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "words.duckdb"
    with store.connect(path, migrations) as connection:
        connection.execute("INSERT INTO word VALUES ('one')")
    (migrations / "002_length.sql").write_text(SECOND)
    (migrations / "003_wrong.sql").write_text(
        "CREATE TABLE again (i INTEGER); CREATE TABLE word (i INTEGER);"
    )
    with pytest.raises(duckdb.CatalogException), store.connect(path, migrations):
        pass
    (migrations / "003_wrong.sql").unlink()
    (migrations / "002_length.sql").unlink()
    with store.connect(path, migrations, read_only=True) as connection:
        assert connection.execute("SELECT * FROM word").fetchall() == [("one",)]


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "words.duckdb"
    (migrations / "002_length.sql").write_text(SECOND)
    with store.connect(path, migrations):
        pass
    (migrations / "002_length.sql").unlink()
    with pytest.raises(WorkspaceError, match="newer version"), store.connect(path, migrations):
        pass


@pytest.mark.parametrize("name", ["002-length.sql", "length.sql", "003_length.sql"])
def test_migrations_out_of_order_are_a_programming_error(migrations: Path, name: str) -> None:
    (migrations / name).write_text(SECOND)
    with pytest.raises(ValueError, match="migration"):
        store.migrations_in(migrations)


def test_reading_a_missing_database_names_the_command_that_makes_it(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "words.duckdb"
    with (
        pytest.raises(WorkspaceError, match=r"words\.duckdb.*ipfs-accelerate record"),
        store.connect(path, migrations, read_only=True, made_by="ipfs-accelerate record"),
    ):
        pass
    assert not path.exists()


@pytest.mark.parametrize("damage", ["text", "empty", "short", "flipped"])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, migrations: Path, damage: str) -> None:
    path = tmp_path / "words.duckdb"
    with store.connect(path, migrations) as connection:
        connection.execute("INSERT INTO word SELECT i::VARCHAR FROM range(1000) r(i)")
    whole = path.read_bytes()
    broken = {
        "text": b"hello" * 1000,
        "empty": b"",
        "short": whole[: 3 * 4096 + 100],
        "flipped": whole[: 3 * 4096] + b"x" * 3000 + whole[3 * 4096 + 3000 :],
    }
    path.write_bytes(broken[damage])
    with (
        pytest.raises(
            WorkspaceError, match=r"words\.duckdb: is damaged .*move it away.*ipfs-accelerate sync"
        ),
        store.connect(path, migrations, made_by="ipfs-accelerate sync") as connection,
    ):
        connection.execute("SELECT * FROM word").fetchall()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, migrations: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "words.duckdb"
    with (
        pytest.raises(WorkspaceError, match=r"words\.duckdb.*another with --root"),
        store.connect(path, migrations),
    ):
        pass


HOLD = """import sys, time
from pathlib import Path
from ipfs_accelerate_py.registry import store
with store.connect(Path(sys.argv[1]), Path(sys.argv[2])) as connection:
    connection.execute("INSERT INTO word VALUES (?)", [sys.argv[3]])
    print("open", flush=True)
    time.sleep(float(sys.argv[4]))
"""


def hold(path: Path, migrations: Path, word: str, seconds: float) -> subprocess.Popen[str]:
    """Start a process that writes `word`. Its program is an argument: a file of it that is written again for the
    next process is empty for a moment, and a process that begins to read it then does nothing and ends well.
    """
    command = [sys.executable, "-c", HOLD, str(path), str(migrations), word, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("read_only", [False, True])
def test_whoever_finds_the_file_open_waits_for_it(tmp_path: Path, migrations: Path, read_only: bool) -> None:
    path = tmp_path / "words.duckdb"
    with hold(path, migrations, "theirs", 0.5) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with store.connect(path, migrations, read_only=read_only) as connection:
            assert connection.execute("SELECT text FROM word").fetchall() == [("theirs",)]


def test_patience_ends_with_the_process_that_holds_the_file(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "words.duckdb"
    with hold(path, migrations, "theirs", 60) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with (
            pytest.raises(WorkspaceError, match=rf"process {other.pid} \(.*python.*-c import sys"),
            store.connect(path, migrations, wait_s=0.2),
        ):
            pass
        other.kill()


def test_nothing_stays_open_after_the_block_even_when_it_raises(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "words.duckdb"
    with (
        pytest.raises(duckdb.CatalogException, match="no_such_table"),
        store.connect(path, migrations) as connection,
    ):
        connection.execute("INSERT INTO word VALUES ('mine'); SELECT * FROM no_such_table")
    with hold(path, migrations, "theirs", 0) as other:
        assert other.wait(30) == 0
    assert words(path, migrations) == ["mine", "theirs"]


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "words.duckdb"
    with store.connect(path, migrations) as connection:
        with pytest.raises(duckdb.CatalogException), store.transaction(connection):
            connection.execute("INSERT INTO word VALUES ('one'); SELECT * FROM no_such_table")
        with store.transaction(connection):
            connection.execute("INSERT INTO word VALUES ('two')")
    assert words(path, migrations) == ["two"]


def test_many_processes_making_one_database_lose_nothing(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "words.duckdb"
    others = [hold(path, migrations, f"word{number}", 0) for number in range(4)]
    for other in others:
        assert other.communicate(timeout=60) == ("open\n", None)
        assert other.returncode == 0
    assert words(path, migrations) == [f"word{number}" for number in range(4)]


@pytest.mark.parametrize("read_only", [False, True])
def test_the_file_is_not_touched_before_it_is_this_process_s_turn(
    tmp_path: Path, migrations: Path, read_only: bool
) -> None:
    """DuckDB reads headers before it locks: who opens while another writes would go on from headers of the past."""
    path = tmp_path / "words.duckdb"
    with store.connect(path, migrations):
        pass
    order = []

    def open_it() -> None:
        with store.connect(path, migrations, read_only=read_only):
            order.append("opened")

    with files.lock(path.with_name(".words.duckdb.lock")):
        other = threading.Thread(target=open_it)
        other.start()
        other.join(0.5)
        order.append("released")
    other.join(30)
    assert order == ["released", "opened"]


def test_a_process_killed_while_making_a_database_leaves_none_or_a_whole_one(
    tmp_path: Path, migrations: Path
) -> None:
    chance = random.Random(20)
    for attempt in range(6):
        path = tmp_path / f"words{attempt}.duckdb"
        with hold(path, migrations, "mine", 60) as other:
            deadline = time.monotonic() + 10
            while not any(tmp_path.glob(f"*words{attempt}.duckdb*")) and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.05))
            os.kill(other.pid, signal.SIGKILL)
        with store.connect(path, migrations) as connection:
            assert connection.execute("SELECT count(*) FROM word").fetchone() in [(0,), (1,)]
