"""Which classes are run with fused attention, because their plain form is missing or gives no numbers."""

from __future__ import annotations

from typing import Any

import pytest

from ipfs_accelerate_generator.spec import FUSED, PLAIN
from ipfs_accelerate_generator.survey.fused import doubtful, otherwise
from ipfs_accelerate_generator.survey.subject import Candidate

MODEL: Any = object


@pytest.mark.parametrize(
    "message", ["KeyError: 'eager' (1 other ways to make its inputs fail, too)", "x: logits is not finite"]
)
def test_a_missing_form_and_one_without_numbers_are_doubtful(message: str) -> None:
    assert doubtful(["needs timm", message])


@pytest.mark.parametrize("message", ["KeyError: 'eagerness'", "RuntimeError: 3 is not finite, but 4", ""])
def test_other_failures_say_nothing_about_attention(message: str) -> None:
    assert not doubtful([message])


def test_a_candidate_is_run_plainly_unless_it_is_said_otherwise() -> None:
    usual = Candidate("feature-extraction", "", MODEL)
    assert usual.attention == PLAIN
    assert all(otherwise(usual, said) is usual for said in ("", PLAIN))
    assert otherwise(usual).attention == otherwise(usual, FUSED).attention == FUSED
