"""Controls: is a model sensitive enough for its agreement with the reference to prove anything?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ipfs_accelerate_py.evidence.cells import EvidenceError
from ipfs_accelerate_py.evidence.comparison import TOLERANCE, Array, compare, unbounded

# A model that a wrong input moves by less than this multiple of the tolerance could be wrong and still agree:
# BERT at its usual initialisation moves by 4e-3 when its mask is ignored, which 1e-3 barely tells from noise.
CONTROL_FACTOR = 100

Arrays = Mapping[str, Array]
Forward = Callable[[Arrays], Arrays]


@dataclass(frozen=True)
class Control:
    """How far a result moved when something was made wrong on purpose."""

    name: str  # what was done: "attention_mask ignored"
    value: float  # relative to the largest absolute value of the right result

    def __post_init__(self) -> None:
        if not self.name or math.isnan(self.value) or self.value < 0:
            raise EvidenceError(
                f"control {self.name!r} must have a name and a value of at least 0, not {self.value}"
            )

    def __str__(self) -> str:
        return f"control {self.name!r} moved the result by {self.value:.3g}"


def needed(tolerance: float = TOLERANCE) -> float:
    """Return the change that a control must make, on the scale of `tolerance`."""
    return CONTROL_FACTOR * tolerance


def sensitive(controls: Iterable[Control], tolerance: float = TOLERANCE) -> bool:
    """Whether there are controls and each moved the result far enough."""
    values = [control.value for control in controls]
    return bool(values) and min(values) >= needed(tolerance)


def relative_change(before: Arrays, after: Arrays) -> float:
    """Return how far the output that moved most has moved, relative to its largest absolute value before.

    Scores are measured, choices are not: a token number that changes says nothing about how far. Where there is
    nothing but choices, such as the codes of a sound, it is the share of them that changed.

    Raises:
        EvidenceError: the two results do not have the same outputs and shapes, or one is not finite.
    """
    chosen = [name for name in before if np.asarray(before[name]).dtype.kind in "biu"]
    if len(chosen) == len(before):
        return max(
            (_share(np.asarray(before[name]), np.asarray(after[name])) for name in chosen), default=0.0
        )
    largest = 0.0
    for name in before.keys() - chosen:
        difference = compare({name: _ruled_out(after[name])}, {name: _ruled_out(before[name])})
        if difference.fault is not None:
            raise EvidenceError(f"a control must not change what can be compared: {difference.fault}")
        largest = max(largest, difference.value)
    return largest


def _share(before: Array, after: Array) -> float:
    if before.shape != after.shape:
        raise EvidenceError(
            f"a control must not change what can be compared: {before.shape} to {after.shape}"
        )
    return float((before != after).mean())


def _ruled_out(array: Array) -> Array:
    """Return `array` with 0 for what stands for infinity: a control may move the places of what is ruled out."""
    exact = unbounded(np.asarray(array))
    return np.where(np.isinf(exact), 0.0, exact)


def changed(forward: Forward, inputs: Arrays, name: str, replacement: Array) -> Control:
    """Return how far the result moves when the input `name` is `replacement` instead."""
    _present(inputs, name)
    after = forward({**inputs, name: replacement})
    return Control(f"{name} changed", relative_change(forward(inputs), after))


def ignored(forward: Forward, inputs: Arrays, name: str) -> Control:
    """Return how far the result moves when the mask `name` is all ones, as if nobody had looked at it.

    Raises:
        EvidenceError: the mask is all ones already; the control would say nothing.
    """
    _present(inputs, name)
    ones = np.ones_like(inputs[name])
    if np.array_equal(ones, inputs[name]):
        raise EvidenceError(
            f"input {name!r} is all ones: give a padded batch, or ignoring it changes nothing"
        )
    return Control(f"{name} ignored", relative_change(forward(inputs), forward({**inputs, name: ones})))


def dropped(forward: Forward, inputs: Arrays, name: str) -> Control:
    """Return how far the result moves when the input `name` is not given at all."""
    _present(inputs, name)
    rest = {key: value for key, value in inputs.items() if key != name}
    return Control(f"{name} dropped", relative_change(forward(inputs), forward(rest)))


def _present(inputs: Arrays, name: str) -> None:
    if name not in inputs:
        raise EvidenceError(f"input {name!r} is not there to be changed; there are {sorted(inputs)}")
