"""What was seen: a test that began, what it showed, and which tests a file holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from ipfs_accelerate_py.errors import unknown
from ipfs_accelerate_py.evidence.cells import Cell, EvidenceError
from ipfs_accelerate_py.evidence.digests import is_digest

KINDS = ("test", "control", "crash", "timeout", "memory")
OUTCOMES = ("passed", "failed", "skipped", "crashed", "timed_out", "out_of_memory")
COLLECTION = "collection"  # the property of a file of tests to be imported
SHUTDOWN = "shutdown"  # the property of a process to end well after its last test
KIND_OF = {"crashed": "crash", "timed_out": "timeout", "out_of_memory": "memory"}


def now() -> str:
    """Return the time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_id() -> str:
    """Return an identifier that no other process makes."""
    return uuid4().hex


@dataclass(frozen=True, kw_only=True)
class Started:
    """A test that is about to run; where no observation with its `id` follows, its process ended."""

    id: str = field(default_factory=new_id)
    run: str
    worker: str
    model_type: str
    task: str
    backend: str
    precision: str
    property: str
    slice: str
    environment: str
    test: str  # digest of the test's own text and of what it uses
    node: str  # pytest's name of the test
    expected: bool = False  # a committed finding says that this test fails
    started: str = field(default_factory=now)

    def cell(self) -> Cell:
        """Return what the test is about."""
        return Cell(self.model_type, self.task, self.backend, self.precision)


@dataclass(frozen=True, kw_only=True)
class Collected:
    """The tests that one file holds, whether or not they were chosen to run."""

    run: str
    worker: str
    model_type: str
    test: str
    source: str  # digest of the module's raw text
    tests: tuple[tuple[str, str, str, str], ...]  # (property, task, backend, precision)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one test, or the end of the process that ran it, has shown."""

    id: str = field(default_factory=new_id)
    run: str
    worker: str
    kind: str
    model_type: str
    task: str
    backend: str
    precision: str
    property: str
    outcome: str
    difference: float | None = None  # largest difference from the reference, relative to its largest value
    tolerance: float | None = None
    control: float | None = None  # the smallest change that a control made, on the same scale
    route: str | None = None
    seconds: float
    peak_mb: float | None = None  # high-water mark of the whole process so far, not of this test alone
    slice: str
    environment: str
    failure: str | None = None
    message: str | None = None
    started: str = field(default_factory=now)
    simulated: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise EvidenceError(str(unknown("kind of observation", self.kind, KINDS)))
        if self.outcome not in OUTCOMES:
            raise EvidenceError(str(unknown("outcome", self.outcome, OUTCOMES)))
        for name in ("slice", "environment"):
            if not is_digest(getattr(self, name)):
                raise EvidenceError(f"{name} must be 12 hexadecimal digits, not {getattr(self, name)!r}")
        for name in ("difference", "tolerance", "control", "seconds", "peak_mb"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise EvidenceError(f"{name} must be a finite number of at least 0, not {value!r}")

    def is_routine(self) -> bool:
        """Whether it only takes back an earlier failure to be collected or to end: nobody wants to see it."""
        return self.property in {COLLECTION, SHUTDOWN} and self.outcome == "passed"

    def cell(self) -> Cell:
        """Return what it is about."""
        return Cell(self.model_type, self.task, self.backend, self.precision)
