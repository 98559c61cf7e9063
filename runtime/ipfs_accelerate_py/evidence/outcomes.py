"""From what happened to a test to the line that says so."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import pytest

from ipfs_accelerate_py.evidence.fixture import Evidence, InsensitiveControlError
from ipfs_accelerate_py.evidence.messages import clean, reason
from ipfs_accelerate_py.evidence.observation import KIND_OF, Observation, Started
from ipfs_accelerate_py.evidence.selection import Key, key

_OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryError")  # Python's and torch's


@dataclass
class Seen:
    """The phases of one test as they were."""

    error: pytest.ExceptionInfo[BaseException] | None = None
    call_s: float | None = None
    all_s: float = 0.0


def key_of(started: Started) -> Key:
    """Return the identity of a test that is described."""
    return key(started.cell(), name=started.property, slice_digest=started.slice, suite_digest=started.test)


def finished(started: Started, outcome: str, *, seconds: float = 0.0, **more: Any) -> Observation:
    """Return the observation that ends `started`, under the same id."""
    same = (
        "id",
        "run",
        "worker",
        "model_type",
        "task",
        "backend",
        "precision",
        "property",
        "slice",
        "environment",
    )
    values = {name: getattr(started, name) for name in (*same, "started")}
    kind = KIND_OF.get(outcome, "test")
    return Observation(**{**values, "kind": kind, "outcome": outcome, "seconds": seconds, **more})


def peak_mb() -> float | None:
    """Return the most memory that this process has held, in MB; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def observation(started: Started, seen: Seen, evidence: Evidence) -> Observation:
    """Return what the test `started` has shown, from what was raised and what it measured."""
    error = seen.error.value if seen.error is not None else None
    outcome = "passed" if error is None else "failed"
    failure = message = None
    if isinstance(error, pytest.skip.Exception):
        outcome, message = "skipped", clean(str(error.msg))
    elif error is not None and seen.error is not None:
        failure, message = type(error).__name__, reason(error, _place(seen.error))
        if failure in _OUT_OF_MEMORY:
            outcome = "out_of_memory"
    is_control = isinstance(error, InsensitiveControlError) or (
        evidence.controls and evidence.tolerance is None
    )
    kind = KIND_OF.get(outcome, "control" if is_control else "test")
    measured = seen.call_s if seen.call_s is not None else seen.all_s
    return finished(
        started,
        outcome,
        kind=kind,
        seconds=evidence.call_s if evidence.call_s is not None else measured,
        difference=evidence.largest,
        tolerance=evidence.tolerance,
        control=evidence.smallest,
        route=evidence.taken,
        peak_mb=peak_mb(),
        failure=failure,
        message=message,
        simulated=evidence.is_simulated,
    )


def _place(error: pytest.ExceptionInfo[BaseException]) -> str:
    entry = error.traceback[-1]
    return f"{entry.path}:{entry.lineno + 1}: {str(entry.statement).strip()}"
