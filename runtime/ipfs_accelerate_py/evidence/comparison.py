"""How far two results are apart, in one number that can be compared between outputs, models and backends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipfs_accelerate_py.evidence.cells import EvidenceError

Array = NDArray[Any]

# Twelve encoder types exported to OpenVINO came within 5e-6 of eager float32; deeper models, other orders of
# summing and other approximations of exp and erf need more room. An error is far above: BERT with sensitive
# weights moves by 0.67 when its mask is ignored, and controls see to it that every wrong input moves a result
# by a hundred times this much.
TOLERANCE = 1e-3

# Models write the least number there is, or about it, where nothing is to be chosen: it stands for minus infinity, and
# beside it every score would be next to nothing.
_BEYOND = 1e30


@dataclass(frozen=True)
class Difference:
    """The largest difference between two results, and where it is."""

    value: float  # relative to the largest absolute value of the reference; infinite where there is a fault
    place: str = ""  # "logits at [0, 3]"
    fault: str | None = None  # why they cannot be compared

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        if self.fault is not None:
            return self.fault
        return f"largest difference {self.value:.3g}" + (f" (output {self.place})" if self.place else "")

    def within(self, tolerance: float = TOLERANCE) -> bool:
        """Whether the two results agree."""
        return self.value <= tolerance


def compare(got: Mapping[str, Array], want: Mapping[str, Array]) -> Difference:
    """Return the largest difference over all outputs of the reference `want`.

    Each output is measured against its own largest absolute value, so that a large hidden state does not hide
    a wrong score. Integers and booleans (token numbers, masks) must be equal. What cannot be compared is an
    infinite difference that says what and where: a missing output, another shape, a number that is not finite
    where the reference is; one beyond 1e30 stands for infinity. Outputs that the reference does not have are not
    looked at.
    """
    if not want:
        raise EvidenceError("the reference has no outputs: nothing would be compared")
    worst = Difference(0.0)
    for name, reference in want.items():
        if name not in got:
            return Difference(math.inf, name, f"output {name!r} is missing; there are {sorted(got)}")
        found = _difference(name, np.asarray(got[name]), np.asarray(reference))
        if found.value > worst.value or not worst.place:
            worst = found
    return worst


def same_argmax(got: Array, want: Array, tolerance: float = TOLERANCE) -> bool:
    """Whether the largest entries along the last axis are in the same places.

    A tie is no error: where the places differ, the reference's own values at the two places must lie closer
    together than two results within `tolerance` can exchange, that is twice the tolerance on its scale.
    """
    if got.shape != want.shape or not want.size or not (np.isfinite(got).all() and np.isfinite(want).all()):
        return False
    exact = want.astype(np.float64)
    best = exact.max(axis=-1)
    chosen = np.take_along_axis(exact, np.expand_dims(got.argmax(axis=-1), -1), axis=-1)[..., 0]
    return bool((best - chosen <= 2 * tolerance * np.abs(exact).max()).all())


def _difference(name: str, got: Array, want: Array) -> Difference:
    if got.shape != want.shape:
        return Difference(
            math.inf, name, f"output {name!r} has shape {got.shape}, the reference {want.shape}"
        )
    if not want.size:
        return Difference(0.0, name)
    if want.dtype.kind in "biu":
        wrong = got != want
        fault = "output {0!r} is {1} at {3}, the reference {2}; integers must be equal"
        return _fault(name, got, want, wrong, fault) if wrong.any() else Difference(0.0, name)
    exact_got, exact_want = unbounded(got), unbounded(want)
    finite = np.isfinite(exact_want)
    wrong = np.where(finite, ~np.isfinite(exact_got), ~np.isclose(exact_got, exact_want, equal_nan=True))
    if wrong.any():
        return _fault(name, got, want, wrong, "output {0!r} is {1} at {3} where the reference is {2}")
    found = apart(exact_got, exact_want)
    place = np.unravel_index(int(found.argmax()), found.shape)
    return Difference(float(found[place]), f"{name} at {_index(place)}")


def apart(got: Array, want: Array) -> Array:
    """Return how far each number of `got` is from that of `want`, relative to the largest finite one of `want`.

    Both are real and of one shape, infinity as `unbounded` has it. Where `want` is not finite it is 0.
    """
    finite = np.isfinite(want)
    right = np.where(finite, want, 0.0)
    scale = float(np.abs(right).max()) or 1.0  # of all zeros: the absolute difference
    found: Array = np.abs(np.where(finite, got, 0.0) - right) / scale
    return found


def unbounded(array: Array) -> Array:
    """Return the numbers of `array` as float64, with infinity for those that stand for it."""
    exact = array.astype(np.float64)
    return np.where(np.abs(exact) >= _BEYOND, np.copysign(np.inf, exact), exact)


def _fault(name: str, got: Array, want: Array, wrong: Array, message: str) -> Difference:
    place = np.unravel_index(int(np.asarray(wrong).argmax()), got.shape)
    text = message.format(name, got[place], want[place], _index(place))
    return Difference(math.inf, f"{name} at {_index(place)}", text)


def _index(place: tuple[Any, ...]) -> str:
    return str([int(number) for number in place])
