"""What is asked of a generator: which backends, on which hardware."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from ipfs_accelerate_py.errors import BackendError, UnknownName
from ipfs_accelerate_py.hardware.backend import GENERATED, WEB, Backend, backend

log = logging.getLogger(__name__)

NO_BROWSER: Final = "browser backends are not built yet"
ABSENT: Final = "this machine lacks it, says worker.hwtest"


class Worker(Protocol):
    """Whoever has asked the hardware; `hwtest` says of each backend whether it works here."""

    @property
    def hwtest(self) -> Mapping[str, object] | None:
        """Backend -> whether it works; None as long as nobody has asked."""


@dataclass(frozen=True)
class Asked:
    """The backends to generate for, in the order of every generated module, and why not for others."""

    backends: tuple[Backend, ...]
    lacking: Mapping[str, str]


def asked(names: Iterable[str] | None, worker: Worker | None, *, always: Iterable[Backend] = ()) -> Asked:
    """Return the backends called `names`, or all, without those that the hardware of `worker` lacks.

    Those of `always` are among them in any case.

    Raises:
        UnknownName: a name is not known; the message offers the nearest.
        BackendError: none of them is left, or `worker` has not asked its hardware yet.
    """
    wanted = {backend(name) for name in names} if names is not None else {*GENERATED}
    works = _hardware(worker)
    lacking: dict[Backend, str] = {each: NO_BROWSER for each in WEB if each in wanted}
    lacking |= {each: ABSENT for each in GENERATED if each in wanted and not works.get(each, True)}
    left = tuple(each for each in GENERATED if each in {*always} or each in wanted - lacking.keys())
    told = {each.value: reason for each, reason in lacking.items() if each not in left}
    if not left:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in told.items())
        raise BackendError(f"there is no backend to generate for: {reasons or 'none was named'}")
    for name, reason in told.items():
        log.warning("%s is not generated: %s", name, reason)
    return Asked(left, told)


def _hardware(worker: Worker | None) -> dict[Backend, bool]:
    """Return what `worker` knows of each backend; what it does not speak of is not limited by it."""
    if worker is None:
        return {}
    if worker.hwtest is None:
        raise BackendError("worker.hwtest is None: call worker.init_hardware() before generating")
    found = {}
    for name, works in worker.hwtest.items():
        try:
            found[backend(name)] = bool(works)
        except UnknownName:  # it may speak of more than backends
            continue
    return found
