"""What the evidence says becomes a finding: portable facts, nothing else, and no more than once."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_evidence import ELSEWHERE, HERE

from ipfs_accelerate_generator.adopt import adopted, changes
from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_generator.specfile import write_findings
from ipfs_accelerate_py.evidence.cells import Cell
from ipfs_accelerate_py.hardware.backend import Backend
from ipfs_accelerate_py.registry.verdicts import Outlook, Verdict

ENVIRONMENTS = {HERE.digest: HERE, ELSEWHERE.digest: ELSEWHERE}
DAY = datetime(2026, 1, 1)
OLD, NEW = "0" * 12, "1" * 12


def judged(outlook: str, **facts: Any) -> Verdict:
    """Return a verdict on bert's fill-mask on OpenVINO, here, on the old text."""
    works = outlook == "works"
    usual: dict[str, Any] = {
        "cell": Cell("bert", "fill-mask", "openvino"),
        "slice": OLD,
        "environment": HERE.digest,
        "reason": "largest difference 1e-06, at most 0.001 allowed" if works else "largest difference 0.31",
        "portable": outlook == "broken",
        "difference": 1.234e-6 if works else 0.3123,
        "tolerance": 1e-3,
        "control": 0.5,
        "route": "convert_model",
        "simulated": False,
        "tests": 9,
        "seconds": 1.0,
        "peak_mb": 300.0,
        "evidence": "e" * 12,
        "run": "run1",
        "seen": DAY,
    }
    return Verdict(outlook=Outlook(outlook), **{**usual, **facts})


def one(findings: tuple[Finding, ...]) -> Finding:
    [finding] = findings
    return finding


def test_a_proof_is_kept_with_its_evidence() -> None:
    finding = one(adopted((), [judged("works")], ENVIRONMENTS))
    assert (finding.effect, finding.task, finding.backend) == (Effect.PROVED, "fill-mask", Backend.OPENVINO)
    assert (finding.difference, finding.slice, finding.evidence) == (1.2e-6, OLD, "e" * 12)
    assert finding.seen == (HERE.describe("openvino"),)


def test_wrong_numbers_leave_a_backend_out_with_the_reason() -> None:
    before = adopted((), [judged("works")], ENVIRONMENTS)
    verdicts = [judged("works"), judged("broken", slice=NEW, seen=DAY + timedelta(1))]
    after = one(adopted(before, verdicts, ENVIRONMENTS))
    assert (after.effect, after.reason, after.difference) == (
        Effect.LEAVE_OUT,
        "largest difference 0.31",
        0.31,
    )
    [change] = changes("bert", before, (after,))
    assert (change.before, change.after, change.backend) == ("proved", "left out", "openvino")


@pytest.mark.parametrize(
    "verdict",
    [
        judged("broken", portable=False, reason="test_b: crashed: signal 11"),
        judged("unsupported"),
        judged("unknown"),
        judged("broken", simulated=True),
        judged("works", simulated=True),
    ],
    ids=["crash", "unsupported", "unknown", "simulated break", "simulated proof"],
)
def test_what_belongs_to_this_machine_or_proves_nothing_is_not_said_to_everyone(verdict: Verdict) -> None:
    assert adopted((), [verdict], ENVIRONMENTS) == ()
    before = adopted((), [judged("works")], ENVIRONMENTS)
    after = replace(verdict, slice=NEW, seen=DAY + timedelta(1))
    assert adopted(before, [judged("works"), after], ENVIRONMENTS) == before


def test_a_mended_backend_returns_when_it_may() -> None:
    before = adopted((), [judged("broken")], ENVIRONMENTS)
    verdicts = [judged("broken"), judged("works", slice=NEW, seen=DAY + timedelta(1))]
    assert one(adopted(before, verdicts, ENVIRONMENTS)).effect is Effect.PROVED
    assert adopted(before, verdicts, ENVIRONMENTS, may_return=False) == before


def test_broken_anywhere_is_left_out_and_says_where() -> None:
    there = judged("broken", environment=ELSEWHERE.digest, seen=DAY - timedelta(1))
    finding = one(adopted((), [judged("works"), there], ENVIRONMENTS))
    assert (finding.effect, finding.seen) == (Effect.LEAVE_OUT, (ELSEWHERE.describe("openvino"),))


def test_a_proof_gathers_the_environments_in_which_it_was_seen() -> None:
    here, there = judged("works"), judged(
        "works", environment=ELSEWHERE.digest, difference=5e-6, evidence="d" * 12
    )
    both = one(adopted((), [here, there], ENVIRONMENTS))
    assert both.seen == tuple(sorted(each.describe("openvino") for each in (HERE, ELSEWHERE)))
    later = one(adopted(adopted((), [here], ENVIRONMENTS), [there], ENVIRONMENTS))
    assert (later.seen, later.difference) == (both.seen, both.difference) == (both.seen, 5e-6)
    assert later.evidence == both.evidence not in {here.evidence, there.evidence}
    assert one(adopted((later,), [here], ENVIRONMENTS)) == later, "one of the two again is no news"
    moved = one(adopted((later,), [judged("works", slice=NEW)], ENVIRONMENTS))
    assert moved.seen == (HERE.describe("openvino"),), "another text was seen here only"


def test_measuring_again_is_no_news() -> None:
    before = adopted((), [judged("works")], ENVIRONMENTS)
    again = judged("works", difference=1.3e-6, seen=DAY + timedelta(5), run="run9", tests=9)
    assert adopted(before, [again], ENVIRONMENTS) == before
    more = judged("works", evidence="f" * 12, seen=DAY + timedelta(5))
    assert one(adopted(before, [more], ENVIRONMENTS)).evidence == "f" * 12


def test_the_route_that_an_export_took_is_no_finding() -> None:
    assert one(adopted((), [judged("works", route="onnx")], ENVIRONMENTS)).effect is Effect.PROVED


def test_a_route_that_somebody_chose_stays_chosen() -> None:
    chosen = replace(
        one(adopted((), [judged("works")], ENVIRONMENTS)), effect=Effect.VARIANT, variant={"route": "onnx"}
    )
    found = adopted([chosen], [judged("works", slice=NEW)], ENVIRONMENTS)
    assert [finding.effect for finding in found] == [Effect.VARIANT, Effect.PROVED]
    assert found[0] == chosen


def test_a_failure_that_somebody_expects_is_not_left_out() -> None:
    expected = replace(one(adopted((), [judged("broken")], ENVIRONMENTS)), effect=Effect.EXPECT_FAILURE)
    assert adopted((expected,), [judged("broken", slice=NEW)], ENVIRONMENTS) == (expected,)
    assert one(adopted((expected,), [judged("works", slice=NEW)], ENVIRONMENTS)).effect is Effect.PROVED


def test_what_was_seen_here_and_then_elsewhere_too_is_said_once() -> None:
    first, other = (judged("works", environment=name, evidence=name) for name in sorted(ENVIRONMENTS)[:2])
    once = adopted(adopted((), [first], ENVIRONMENTS), [first, other], ENVIRONMENTS)
    assert adopted(once, [first, other], ENVIRONMENTS) == once == adopted((), [first, other], ENVIRONMENTS)


OUTLOOKS = st.sampled_from(["works", "broken", "unknown", "unsupported"])
VERDICTS = st.lists(
    st.builds(
        judged,
        OUTLOOKS,
        cell=st.builds(
            Cell,
            st.just("bert"),
            st.sampled_from(["fill-mask", "text-classification"]),
            st.sampled_from(["cpu", "openvino"]),
        ),
        slice=st.sampled_from([OLD, NEW]),
        environment=st.sampled_from(sorted(ENVIRONMENTS)),
        seen=st.sampled_from([DAY, DAY + timedelta(1)]),
        difference=st.sampled_from([None, 1e-6, 5e-6]),
        route=st.sampled_from([None, "convert_model", "other"]),
        evidence=st.sampled_from(["d" * 12, "e" * 12]),
    ),
    max_size=6,
    unique_by=lambda each: (each.cell, each.slice, each.environment),
)


@settings(max_examples=50, deadline=None)
@given(VERDICTS, VERDICTS)
def test_adopting_twice_is_adopting_once_and_their_order_does_not_matter(
    first: list[Verdict], second: list[Verdict]
) -> None:
    before = adopted((), first, ENVIRONMENTS)
    once = adopted(before, second, ENVIRONMENTS)
    text = write_findings("bert", once)
    assert write_findings("bert", adopted(once, second, ENVIRONMENTS)) == text
    assert write_findings("bert", adopted(before, second[::-1], ENVIRONMENTS)) == text


@settings(max_examples=50, deadline=None)
@given(VERDICTS, st.lists(VERDICTS, max_size=4))
def test_within_a_loop_what_is_offered_only_narrows(
    first: list[Verdict], rounds: list[list[Verdict]]
) -> None:
    states = [adopted((), first, ENVIRONMENTS)]
    for verdicts in rounds:
        states.append(adopted(states[-1], verdicts, ENVIRONMENTS, may_return=False))
    out = [{(f.task, f.backend) for f in state if f.effect is Effect.LEAVE_OUT} for state in states]
    assert all(earlier <= later for earlier, later in itertools.pairwise(out))
