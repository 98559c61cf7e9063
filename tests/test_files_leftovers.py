"""What a killed process left half made is swept when it is old, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ipfs_accelerate_py.cli.app import main
from ipfs_accelerate_py.files import ABANDONED_S, folder_atomic, sweep, write_atomic
from ipfs_accelerate_py.locations import cache_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from ipfs_accelerate_py import files
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
folder = Path(sys.argv[1])
if sys.argv[2] == "file":
    os.fsync = die
    files.write_atomic(folder / "one.json", "{}")
elif sys.argv[2] == "folder":
    with files.folder_atomic(folder / "one") as making:
        (making / "half").write_text("x")
        die()
else:
    from ipfs_accelerate_py.registry import results, store
    store._migrate = die
    with results.connect(folder / "one.duckdb"):
        pass
"""


def age(path: Path, seconds: float) -> Path:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)
    return path


def halves(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if ".part" in path.name)


@pytest.mark.parametrize("kind", ["file", "folder", "database"])
def test_what_a_kill_leaves_stays_for_a_day_and_goes_at_the_next_write(kind: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), kind], check=False)
    assert done.returncode < 0
    left = halves(tmp_path)
    assert left
    sweep(tmp_path)
    assert halves(tmp_path) == left, "another process may still be at it"
    for name in left:
        age(tmp_path / name, ABANDONED_S + 60)
    write_atomic(tmp_path / "other.json", "{}")
    assert halves(tmp_path) == []


def test_making_a_folder_sweeps_too(tmp_path: Path) -> None:
    left = tmp_path / ".k.abcd_123.part"
    (left / "deep").mkdir(parents=True)
    age(left, ABANDONED_S + 60)
    with folder_atomic(tmp_path / "made") as making:
        (making / "file").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]


@pytest.mark.parametrize(
    "name",
    ["one.json", ".part", ".hidden", "a.abcd1234.part", ".a.part", ".a.ABCD1234.part", ".a.abcd1234.parts"],
)
def test_what_we_did_not_name_is_left_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.touch()
    age(path, 100 * ABANDONED_S)
    sweep(tmp_path)
    assert path.exists()


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    link = tmp_path / ".a.abcd1234.part"
    link.symlink_to(precious)
    age(link, 2 * ABANDONED_S)
    sweep(tmp_path)
    assert not link.is_symlink()
    assert (precious / "file").exists()


def test_pruning_the_cache_sweeps_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path))
    for prefix, seconds in (("ab", ABANDONED_S + 60), ("cd", 60)):
        half = cache_folder() / prefix / f".{prefix}00.abcd1234.part"
        half.mkdir(parents=True)
        age(half, seconds)
    assert main(["cache", "prune", "--max-size", "1GB"]) == 0
    assert [path.name for path in sorted(cache_folder().glob("??/.*"))] == [".cd00.abcd1234.part"]
