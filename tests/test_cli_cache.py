"""The commands over exported models."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from ipfs_accelerate_py.cli.app import main
from ipfs_accelerate_py.cli.cache import beyond, parse_size
from ipfs_accelerate_py.cli.console import size
from ipfs_accelerate_py.locations import cache_folder
from ipfs_accelerate_py.skills.bundles import FORMAT, Bundle

NAMES = [letter * 32 for letter in "abc"]


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """A cache of three bundles of 1000 bytes, used one after another; the names of those that are left."""
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path))
    for used, name in enumerate(NAMES):
        folder = cache_folder() / name[:2] / name
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(name[0].encode() * 1000)
        entry = {"bytes": 1000, "sha256": hashlib.sha256(name[0].encode() * 1000).hexdigest()}
        facts = {"checkpoint": "some/model", "task": "fill-mask", "backend": "onnxruntime"}
        manifest = {"format": FORMAT, **facts, "files": {"model.onnx": entry}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        os.utime(folder / "manifest.json", (1000 + used, 1000 + used))
    return lambda: sorted(path.parent.name for path in cache_folder().glob("??/*/manifest.json"))


@pytest.mark.usefixtures("three")
def test_the_list_names_what_was_exported_least_recently_used_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["cache", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(entry["name"], entry["checkpoint"], entry["bytes"]) for entry in listed] == [
        (name, "some/model", 1000) for name in NAMES
    ]
    assert main(["cache", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"3 exported models, 3.0 kB in {cache_folder()}"


def test_pruning_to_a_size_removes_the_least_recently_used(three: Callable[[], list[str]]) -> None:
    assert main(["cache", "prune", "--max-size", "2kB"]) == 0
    assert three() == NAMES[1:]


def test_pruning_by_name_removes_that_one(three: Callable[[], list[str]]) -> None:
    assert main(["cache", "prune", NAMES[1]]) == 0
    assert three() == [NAMES[0], NAMES[2]]


def test_pruning_all_leaves_nothing(
    three: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", "prune", "--all"]) == 0
    assert three() == []
    assert capsys.readouterr().out == "3 exported models removed, 3.0 kB freed; 0 kept\n"


@pytest.mark.parametrize("arguments", [["zzz"], [], ["--max-size", "much"]], ids=["name", "nothing", "size"])
def test_pruning_refuses_what_it_does_not_understand(
    arguments: list[str], three: Callable[[], list[str]]
) -> None:
    assert main(["cache", "prune", *arguments]) == 2
    assert three() == NAMES


@pytest.mark.usefixtures("three")
def test_verifying_finds_a_changed_byte_and_says_how_to_mend_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "verify"]) == 0
    model = cache_folder() / NAMES[1][:2] / NAMES[1] / "model.onnx"
    model.write_bytes(b"x" + model.read_bytes()[1:])
    capsys.readouterr()
    assert main(["cache", "verify"]) == 1
    said = capsys.readouterr()
    assert said.out == f"{model}: differs from what was exported\n"
    assert f"ipfs-accelerate cache prune {NAMES[1]}" in said.err


def bundle(index: int, size_: int) -> Bundle:
    return Bundle(Path(str(index)), {"files": {"model": {"bytes": size_, "sha256": ""}}})


@given(st.lists(st.integers(0, 100)), st.integers(0, 1000))
def test_what_is_kept_fits_and_nothing_goes_without_need(sizes: list[int], limit: int) -> None:
    bundles = [bundle(index, number) for index, number in enumerate(sizes)]
    gone = beyond(bundles, limit)
    assert gone == bundles[: len(gone)]
    assert sum(sizes[len(gone) :]) <= limit
    assert not gone or sum(sizes[len(gone) - 1 :]) > limit


@pytest.mark.parametrize(
    ("text", "number"), [("10GB", 10**10), ("1.5 gib", 3 * 2**29), ("4096", 4096), (" 2 kB ", 2000), ("0", 0)]
)
def test_a_size_is_a_number_and_a_unit(text: str, number: int) -> None:
    assert parse_size(text) == number


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1 GX", "1e3", "NaN"])
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a size; write a number and a unit"):
        parse_size(text)


@given(st.integers(0, 10**15))
def test_a_printed_size_is_read_back_within_its_rounding(number: int) -> None:
    assert parse_size(size(number)) == pytest.approx(number, rel=0.05)
