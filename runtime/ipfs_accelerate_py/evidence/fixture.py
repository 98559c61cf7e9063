"""The fixture `evidence` of generated tests, in every pytest run; it loads nothing until it is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ipfs_accelerate_py.evidence.comparison import Difference
    from ipfs_accelerate_py.evidence.controls import Control


class InsensitiveControlError(AssertionError):
    """A control that moved the result too little: agreement would prove nothing."""


@dataclass
class Evidence:
    """What one test measures beside its outcome."""

    largest: float | None = None  # difference, as a share of its tolerance the largest of this test
    tolerance: float | None = None
    smallest: float | None = None  # control
    taken: str | None = None  # route
    call_s: float | None = None
    is_simulated: bool = False
    controls: list[Control] = field(default_factory=list)

    def difference(self, found: Difference | float, tolerance: float | None = None) -> None:
        """Record a difference and require it to be within `tolerance` (1e-3 if not given).

        Args:
            found: what `comparison.compare` returned, or a number on its scale.
            tolerance: relative to the largest absolute value of the reference.

        Raises:
            AssertionError: it is not within it; the message names the output and the place.
        """
        __tracebackhide__ = True
        from math import isfinite

        from ipfs_accelerate_py.evidence.comparison import TOLERANCE, Difference

        allowed = TOLERANCE if tolerance is None else tolerance
        difference = found if isinstance(found, Difference) else Difference(float(found))
        if self._is_larger(difference.value, allowed):
            self.largest = difference.value if isfinite(difference.value) else None
            self.tolerance = allowed
        if not difference.within(allowed):
            place = f" (output {difference.place})" if difference.place else ""
            message = (
                difference.fault
                or f"largest difference {difference.value:.3g}, at most {allowed:g} allowed{place}"
            )
            raise AssertionError(message)

    def control(
        self, name: str | Control, value: float | None = None, tolerance: float | None = None
    ) -> None:
        """Record how far a result moved when something was made wrong on purpose, and require enough.

        Raises:
            InsensitiveControlError: it is less than 100 times `tolerance` (1e-3 if not given); the verdict is
                then "unknown", not "broken".
        """
        __tracebackhide__ = True
        from ipfs_accelerate_py.evidence.comparison import TOLERANCE
        from ipfs_accelerate_py.evidence.controls import Control, needed

        control = (
            name if isinstance(name, Control) else Control(name, float("nan") if value is None else value)
        )
        self.controls.append(control)
        self.smallest = control.value if self.smallest is None else min(self.smallest, control.value)
        enough = needed(TOLERANCE if tolerance is None else tolerance)
        if control.value < enough:
            raise InsensitiveControlError(
                f"{control}, at least {enough:g} needed: agreement would prove nothing"
            )

    def route(self, name: str | None) -> None:
        """Record by which export route the model under test was made, None if it was not exported."""
        self.taken = name

    def speed(self, seconds: float) -> None:
        """Record the seconds of one call of a loaded model, in place of the seconds of the test."""
        self.call_s = seconds

    def simulated(self) -> None:
        """Record that a simulator or a software adapter stood in for the hardware."""
        self.is_simulated = True

    def _is_larger(self, value: float, tolerance: float) -> bool:
        if self.tolerance is None:
            return True
        if self.largest is None:  # infinite: nothing is larger
            return False
        return value / tolerance > self.largest / self.tolerance


EVIDENCE: pytest.StashKey[Evidence] = pytest.StashKey()


@pytest.fixture
def evidence(request: Any) -> Evidence:
    """Return where a generated test notes what it measures; kept only in a run that records observations."""
    kept: Evidence = request.node.stash.setdefault(EVIDENCE, Evidence())
    return kept
