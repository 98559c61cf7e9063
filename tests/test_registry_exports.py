"""Evidence goes out as Parquet and comes back as the same verdicts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from registry_evidence import AGREES, CONTROL, ELSEWHERE, HERE, began, holds, seen, write

from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence.lines import Line
from ipfs_accelerate_py.evidence.observation import OUTCOMES
from ipfs_accelerate_py.registry import exports, results
from ipfs_accelerate_py.registry.verdicts import environments, verdicts

FACTS = st.fixed_dictionaries(
    {
        "run": st.sampled_from(["run1", "run2"]),
        "task": st.sampled_from(["fill-mask", "*"]),
        "backend": st.sampled_from(["cpu", "openvino", "*"]),
        "property": st.sampled_from(["test_agrees", "test_b", "test_'c\n"]),
        "outcome": st.sampled_from(OUTCOMES),
        "difference": st.none() | st.floats(0, 1e9),
        "control": st.none() | st.floats(0, 2),
        "slice": st.sampled_from(["0" * 12, "1" * 12]),
        "environment": st.sampled_from([HERE.digest, ELSEWHERE.digest]),
        "started": st.sampled_from(["2026-01-01T00:00:00.001+00:00", "2026-01-02T00:00:00+01:00"]),
    }
)


# Without shrinking: each example makes two databases, and shrinking would take minutes.
@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(FACTS, max_size=12), st.booleans())
def test_rebuilding_from_an_export_gives_the_same_verdicts(found: list[dict[str, Any]], lost: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines: list[Line] = [holds("test_agrees", "test_b")]
        for number, observation in enumerate(seen(**facts) for facts in found):
            lines += [began(observation, test="a" * 12 if number % 3 else "c" * 12)] * (number % 4 > 0)
            lines.append(observation)
        if lost:
            lines.append(began(seen(property="test_b")))
        results.record([write(folder / "gw0.jsonl", lines, HERE, ELSEWHERE)], folder / "a.duckdb")
        changed = exports.export(folder / "a.duckdb", folder / "evidence")
        assert {path.stem for path in changed} == {HERE.digest, ELSEWHERE.digest}
        report = exports.rebuild(folder / "evidence", folder / "b.duckdb")
        assert (report.files, report.known) == (2, 0)
        for modules in (False, True):
            before = verdicts(folder / "a.duckdb", modules=modules)
            assert before == verdicts(folder / "b.duckdb", modules=modules)
        assert environments(folder / "a.duckdb") == environments(folder / "b.duckdb")
        assert (
            exports.export(folder / "b.duckdb", folder / "evidence") == ()
        ), "the same evidence, other bytes"
        assert exports.rebuild(folder / "evidence", folder / "a.duckdb").new == 0


def test_a_text_whose_tests_were_all_rewritten_does_not_hide_the_one_before(tmp_path: Path) -> None:
    proof = [seen(**AGREES), seen(**CONTROL)]
    later = seen(property="test_agrees", slice="1" * 12, run="run2", started="2026-02-01T00:00:00+00:00")
    held = holds("test_agrees", run="run2")
    file = write(tmp_path / "gw0.jsonl", [*proof, held, began(later, test="c" * 12), later])
    results.record([file], tmp_path / "a.duckdb")
    exports.export(tmp_path / "a.duckdb", tmp_path / "evidence")
    exports.rebuild(tmp_path / "evidence", tmp_path / "b.duckdb")
    [verdict] = verdicts(tmp_path / "b.duckdb")
    assert (verdict.outlook, verdict.slice) == ("works", "0" * 12)
    assert verdicts(tmp_path / "a.duckdb") == (verdict,)


def test_the_order_of_recording_does_not_change_a_byte(tmp_path: Path) -> None:
    found = [seen(**AGREES), seen(**CONTROL), seen(task="text-classification"), seen(backend="cpu")]
    for name, order in (("a", found), ("b", found[::-1])):
        for number, observation in enumerate(order):
            file = write(tmp_path / name / f"gw{number}.jsonl", [observation])
            results.record([file], tmp_path / f"{name}.duckdb")
        exports.export(tmp_path / f"{name}.duckdb", tmp_path / f"evidence_{name}")
    file = f"{HERE.digest}.parquet"
    assert (tmp_path / "evidence_a" / file).read_bytes() == (tmp_path / "evidence_b" / file).read_bytes()


@pytest.mark.parametrize("damage", ["text", "short", "foreign"])
def test_a_damaged_file_of_evidence_is_named_and_nothing_is_recorded(tmp_path: Path, damage: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    results.record([write(tmp_path / "gw0.jsonl", [seen()], HERE, ELSEWHERE)], tmp_path / "a.duckdb")
    exports.export(tmp_path / "a.duckdb", tmp_path / "evidence")
    victim = tmp_path / "evidence" / f"{max(HERE.digest, ELSEWHERE.digest)}.parquet"
    if damage == "foreign":
        pq.write_table(pa.table({"a": [1]}), victim)
    else:
        victim.write_bytes({"text": b"hello", "short": victim.read_bytes()[:-20]}[damage])
    with pytest.raises(
        WorkspaceError, match=rf"{victim.name}: is not a file of evidence .*restore it from git"
    ):
        exports.rebuild(tmp_path / "evidence", tmp_path / "b.duckdb")
    assert not (tmp_path / "b.duckdb").exists()


def test_a_folder_without_evidence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="there is no evidence"):
        exports.rebuild(tmp_path, tmp_path / "b.duckdb")
