"""A verdict says no more than its observations prove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from registry_evidence import AGREES, CONTROL, ELSEWHERE, HERE, began, holds, seen, write

from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence import lines
from ipfs_accelerate_py.evidence.comparison import TOLERANCE
from ipfs_accelerate_py.evidence.controls import CONTROL_FACTOR
from ipfs_accelerate_py.registry import results
from ipfs_accelerate_py.registry.verdicts import Verdict, environments, model_types, verdicts


def judged(tmp_path: Path, *found: lines.Line, latest: bool = True) -> tuple[Verdict, ...]:
    """Return the verdicts that `found` leads to."""
    database = tmp_path / "results.duckdb"
    results.record([write(tmp_path / "gw0.jsonl", found, HERE, ELSEWHERE)], database)
    return verdicts(database, latest=latest)


def wrong(**facts: Any) -> dict[str, Any]:
    return {**AGREES, "difference": 0.3123, "outcome": "failed", "failure": "AssertionError", **facts}


def test_agreement_and_a_sensitive_control_prove_a_cell(tmp_path: Path) -> None:
    [verdict] = judged(
        tmp_path, seen(**AGREES, route="dynamo"), seen(**CONTROL), seen(property="test_padding")
    )
    assert (verdict.outlook, verdict.route, verdict.tests) == ("works", "dynamo", 3)
    assert (verdict.difference, verdict.control) == (1e-6, 0.5)


CASES: dict[str, tuple[list[dict[str, Any]], str, str, bool]] = {
    "a difference above the tolerance": (
        [wrong(), CONTROL],
        "broken",
        "largest difference 0.31, at most 0.001 allowed",
        True,
    ),
    "a difference above the tolerance in a test that passed": (
        [wrong(outcome="passed", failure=None), CONTROL],
        "broken",
        "largest difference 0.31, at most 0.001 allowed",
        True,
    ),
    "an export that fails": (
        [
            {"outcome": "failed", "failure": "BundleError", "message": "aten::histc has no conversion"},
            CONTROL,
        ],
        "broken",
        "test_agrees: BundleError: aten::histc has no conversion",
        True,
    ),
    "a full disk": (
        [{"outcome": "failed", "failure": "WorkspaceError", "message": "no space left"}, CONTROL],
        "broken",
        "test_agrees: WorkspaceError: no space left",
        False,
    ),
    "a crash": (
        [
            AGREES,
            CONTROL,
            {"kind": "crash", "outcome": "crashed", "property": "test_b", "message": "signal 11"},
        ],
        "broken",
        "test_b: crashed: signal 11",
        False,
    ),
    "a test that hangs": (
        [AGREES, CONTROL, {"kind": "timeout", "outcome": "timed_out", "property": "test_b"}],
        "broken",
        "test_b: gave no answer in time",
        False,
    ),
    "a process killed for its memory": (
        [AGREES, CONTROL, {"kind": "memory", "outcome": "out_of_memory", "property": "test_b"}],
        "broken",
        "test_b: ran out of memory",
        False,
    ),
    "a crash and wrong numbers": (
        [wrong(), {"kind": "crash", "outcome": "crashed", "property": "test_b"}],
        "broken",
        "largest difference 0.31, at most 0.001 allowed",
        True,
    ),
    "a machine without the device": (
        [{"outcome": "skipped", "message": "no NPU here"}, {"outcome": "skipped", "property": "test_b"}],
        "unsupported",
        "no NPU here",
        False,
    ),
    "one test skipped among others": (
        [AGREES, CONTROL, {"outcome": "skipped", "property": "test_b", "message": "no camera"}],
        "unknown",
        "test_b: skipped: no camera",
        False,
    ),
    "no control": ([AGREES], "unknown", "no control was recorded, so the agreement proves nothing", False),
    "a control that moves too little": (
        [AGREES, CONTROL, {**CONTROL, "property": "test_mask", "control": 0.004}],
        "unknown",
        "a control moved the result by 0.004, at least 0.1 is needed (test_mask)",
        False,
    ),
    "a control that fails": (
        [AGREES, {**CONTROL, "outcome": "failed", "failure": "AssertionError", "message": "insensitive"}],
        "unknown",
        "test_controls: insensitive",
        False,
    ),
    "no agreement": ([CONTROL], "unknown", "no difference from the reference was recorded", False),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_proved_has_a_reason(tmp_path: Path, case: str) -> None:
    found, outlook, reason, portable = CASES[case]
    [verdict] = judged(tmp_path, *(seen(**facts) for facts in found))
    assert (verdict.outlook, verdict.reason, verdict.portable) == (outlook, reason, portable)


def test_the_limits_in_sql_are_those_of_the_arithmetic(tmp_path: Path) -> None:
    at = {"property": "test_at", "difference": TOLERANCE}
    enough = {**CONTROL, "control": CONTROL_FACTOR * TOLERANCE, "tolerance": None}
    [verdict] = judged(tmp_path, seen(**at), seen(**enough))
    assert (verdict.outlook, verdict.tolerance) == ("works", TOLERANCE)
    [verdict] = judged(tmp_path, seen(property="test_above", difference=TOLERANCE * 1.001))
    assert verdict.outlook == "broken"


def test_a_test_that_is_held_and_did_not_end_leaves_the_cell_unknown(tmp_path: Path) -> None:
    held = holds("test_agrees", "test_controls", "test_lost")
    lost = began(seen(property="test_lost"))
    [verdict] = judged(tmp_path, held, seen(**AGREES), seen(**CONTROL), lost)
    assert (verdict.outlook, verdict.reason) == ("unknown", "1 of 3 tests did not finish, test_lost first")
    [verdict] = judged(tmp_path, seen(run="run2", property="test_lost", started="2026-02-01T00:00:00+00:00"))
    assert verdict.outlook == "works"


def test_of_a_test_that_ran_again_the_last_run_counts(tmp_path: Path) -> None:
    mended = seen(run="run2", started="2026-02-01T00:00:00+00:00", **AGREES)
    [verdict] = judged(tmp_path, seen(**wrong()), seen(**CONTROL), mended)
    assert (verdict.outlook, verdict.run) == ("works", "run2")


def test_within_a_run_one_failure_is_enough(tmp_path: Path) -> None:
    [verdict] = judged(tmp_path, seen(**wrong()), seen(**AGREES), seen(**CONTROL))
    assert verdict.outlook == "broken"


def test_a_test_of_the_module_has_a_verdict_of_its_own(tmp_path: Path) -> None:
    wide = {"task": "*", "backend": "*", "slice": "f" * 12}
    [cell] = judged(tmp_path, seen(**AGREES), seen(**CONTROL), seen(**wide, property="test_import"))
    assert cell.outlook == "works"
    [module] = verdicts(tmp_path / "results.duckdb", modules=True)
    assert (module.outlook, module.reason) == ("works", "1 tests of the module")
    failed = seen(**wide, property="collection", outcome="failed", failure="SyntaxError", message="line 3")
    [cell] = judged(tmp_path, failed)
    assert cell.outlook == "works", "a module that cannot be read now worked when it was another text"
    [module] = verdicts(tmp_path / "results.duckdb", modules=True)
    assert (module.outlook, module.reason) == ("broken", "collection: SyntaxError: line 3")


def test_a_test_that_is_held_no_more_does_not_count(tmp_path: Path) -> None:
    old = seen(property="test_old_name", outcome="failed", failure="AssertionError")
    held = holds("test_agrees", "test_controls", "test_old_name")
    [verdict] = judged(tmp_path, held, seen(**AGREES), seen(**CONTROL), began(old), old)
    assert verdict.outlook == "broken"
    later: dict[str, Any] = {"run": "run2", "started": "2026-02-01T00:00:00+00:00"}
    again = [seen(**AGREES, **later), seen(**CONTROL, **later)]
    [verdict] = judged(tmp_path, holds("test_agrees", "test_controls", run="run2"), *again)
    assert (verdict.outlook, verdict.tests) == ("works", 2)


def test_a_test_whose_text_changed_counts_again_when_it_has_run_again(tmp_path: Path) -> None:
    first = [seen(**AGREES), seen(**CONTROL)]
    [verdict] = judged(tmp_path, holds(AGREES["property"], CONTROL["property"]), *map(began, first), *first)
    assert verdict.outlook == "works"
    later: dict[str, Any] = {"run": "run2", "started": "2026-02-01T00:00:00+00:00"}
    held = holds(AGREES["property"], CONTROL["property"], run="run2", test="c" * 12)
    again = seen(**AGREES, **later)
    [verdict] = judged(tmp_path, held, began(again, test="c" * 12), again)
    assert (verdict.outlook, verdict.reason) == (
        "unknown",
        "1 of 2 tests did not finish, test_controls first",
    )


def test_where_the_cpu_is_broken_no_other_backend_is_proved(tmp_path: Path) -> None:
    cpu = seen(backend="cpu", outcome="failed", failure="AssertionError", message="other labels")
    found = judged(tmp_path, seen(**AGREES), seen(**CONTROL), cpu)
    reasons = {verdict.cell.backend: (verdict.outlook, verdict.reason) for verdict in found}
    assert reasons == {
        "cpu": ("broken", "test_agrees: other labels"),
        "openvino": ("unknown", "the CPU is broken: test_agrees: other labels"),
    }


def test_another_text_and_another_environment_have_verdicts_of_their_own(tmp_path: Path) -> None:
    old = seen(**wrong(), slice="1" * 12, started="2026-01-01T00:00:00+00:00", run="run0")
    there = seen(**wrong(), environment=ELSEWHERE.digest)
    found = judged(tmp_path, old, seen(**AGREES), seen(**CONTROL), there)
    assert {(v.environment, v.outlook) for v in found} == {
        (HERE.digest, "works"),
        (ELSEWHERE.digest, "broken"),
    }
    every = verdicts(tmp_path / "results.duckdb", latest=False)
    assert {(v.environment, v.slice[0], v.outlook) for v in every} == {
        (HERE.digest, "0", "works"),
        (HERE.digest, "1", "broken"),
        (ELSEWHERE.digest, "0", "broken"),
    }
    assert verdicts(tmp_path / "results.duckdb", model_types=["vit"]) == ()
    assert model_types(tmp_path / "results.duckdb") == ("bert",)
    [one] = verdicts(tmp_path / "results.duckdb", environments=[ELSEWHERE.digest], runs=["run1"])
    assert one.environment == ELSEWHERE.digest
    assert environments(tmp_path / "results.duckdb") == {HERE.digest: HERE, ELSEWHERE.digest: ELSEWHERE}


def test_the_digest_of_evidence_depends_on_what_was_seen_and_not_on_when(tmp_path: Path) -> None:
    found = [seen(**AGREES), seen(**CONTROL)]
    [first] = judged(tmp_path / "a", *found)
    again = [
        seen(**AGREES, run="x", seconds=9.0, started="2027-01-01T00:00:00+00:00"),
        seen(**CONTROL, run="x"),
    ]
    [second] = judged(tmp_path / "b", *again)
    [third] = judged(tmp_path / "c", *found, seen(property="test_padding", outcome="failed"))
    assert first.evidence == second.evidence != third.evidence


def test_a_simulated_result_says_so_and_travels_nowhere(tmp_path: Path) -> None:
    [verdict] = judged(tmp_path, seen(**wrong(), simulated=True))
    assert (verdict.simulated, verdict.portable) == (True, False)


def test_verdicts_of_a_missing_database_name_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="`ipfs-accelerate record` makes it"):
        verdicts(tmp_path / "results.duckdb")
