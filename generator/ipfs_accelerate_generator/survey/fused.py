"""Classes whose plain form of attention is missing, or gives no numbers where the fused one does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ipfs_accelerate_generator.spec import FUSED, PLAIN
from ipfs_accelerate_generator.survey.subject import Candidate

_MISSING: Final = f"KeyError: {PLAIN!r}"
_NUMBERLESS: Final = "is not finite"


def doubtful(messages: Iterable[str]) -> bool:
    """Whether one of `messages`, why ways to run a head failed, may be due to its plain form of attention.

    Some classes look for an implementation in a table that has no plain one; and some read the mask that the plain
    form adds as one of truth values, so that all that is to be seen is hidden.
    """
    return any(_MISSING in each or each.endswith(_NUMBERLESS) for each in messages)


def otherwise(candidate: Candidate, attention: str = FUSED) -> Candidate:
    """Return `candidate`, run with fused attention if `attention` says so."""
    return replace(candidate, attention=FUSED) if attention == FUSED else candidate
