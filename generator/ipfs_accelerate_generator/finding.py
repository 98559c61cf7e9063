"""What the evidence says about one cell, narrow enough to be reviewed as a diff."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ipfs_accelerate_generator.values import check_names, check_pattern, check_text, refuse
from ipfs_accelerate_py.errors import UnknownName, unknown
from ipfs_accelerate_py.hardware.backend import Backend, backend

_TASK = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_WORD = re.compile(r"[a-z][a-z0-9_-]*")
_DIGEST = re.compile(r"[0-9a-f]{12}")


class Effect(StrEnum):
    """All that a finding may do to the next generation."""

    LEAVE_OUT = "leave-out"
    EXPECT_FAILURE = "expect-failure"
    VARIANT = "variant"
    PROVED = "proved"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One verdict that travels: its effect, why, the evidence behind it and the text that was tested."""

    task: str
    backend: Backend
    precision: str = "float32"
    effect: Effect
    reason: str
    evidence: str
    """Digest of the observations that it rests on."""
    slice: str
    """Digest of the text under test; when that differs now, the finding is stale."""
    seen: tuple[str, ...]
    """The environments in which it was seen, as one line each."""
    difference: float | None = None
    """Largest difference from the reference, relative to the reference's largest value."""
    variant: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The named choices to make, such as {"route": "dynamo"}."""

    def __post_init__(self) -> None:
        check_pattern("task", self.task, _TASK, "a task (such as 'fill-mask')")
        try:
            object.__setattr__(self, "backend", backend(str(self.backend)))
        except UnknownName as error:
            refuse("backend", str(error))
        check_pattern("precision", self.precision, _WORD, "a precision (such as 'float32')")
        if self.effect not in list(Effect):
            refuse("effect", str(unknown("effect", str(self.effect), [effect.value for effect in Effect])))
        object.__setattr__(self, "effect", Effect(self.effect))
        check_text("reason", self.reason, longest=2000)
        check_pattern("evidence", self.evidence, _DIGEST, "a digest of twelve hex digits")
        check_pattern("slice", self.slice, _DIGEST, "a digest of twelve hex digits")
        check_names("seen", self.seen, lambda key, value: check_text(key, value, longest=1000))
        self._check_difference()
        self._check_variant()

    def _check_difference(self) -> None:
        value = self.difference
        if value is None:
            return
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
            or value < 0
        ):
            refuse("difference", f"difference is {value!r}; give a finite number that is not negative")
        object.__setattr__(self, "difference", float(value))

    def _check_variant(self) -> None:
        if not isinstance(self.variant, Mapping):
            refuse("variant", f"variant is {self.variant!r}; give a table of texts")
        if bool(self.variant) != (self.effect is Effect.VARIANT):
            refuse("variant", "variant goes with effect = 'variant', and that effect needs one")
        for name, choice in self.variant.items():
            check_pattern("variant", name, _WORD, "the name of a choice (such as 'route')")
            check_text("variant", choice)
        object.__setattr__(self, "variant", dict(self.variant))
