"""Probes: a small real operation on each backend, in a child process, remembered while nothing changes.

A probe never assumes. A backend is available if a child process multiplied two matrices on it and the product
was right; a missing library, a broken driver, a crash or a hang make it unavailable, with the reason in a
sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from ipfs_accelerate_py.hardware import remembered
from ipfs_accelerate_py.hardware.answer import Device, Probe
from ipfs_accelerate_py.hardware.backend import EXPORTED, TORCH_BACKENDS, WEB, Backend
from ipfs_accelerate_py.hardware.backend import backend as backend_of
from ipfs_accelerate_py.hardware.child import python_module, run_child
from ipfs_accelerate_py.hardware.machine import fingerprint, usable_cores

__all__ = ["Device", "Probe", "probe", "probes", "require"]

TIMEOUT_S: Final = 120.0  # importing torch on a busy machine took 30 s; the first use of a GPU another 20 s

# What an answer depends on besides the hardware: when one of these changes, the backend is probed again.
TORCH_LIBRARIES: Final = ("numpy", "torch")
EXPORTED_LIBRARIES: Final = (
    "numpy",
    "openvino",
    "onnxruntime",
    "onnxruntime-directml",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
)
LIBRARIES: Final[Mapping[Backend, tuple[str, ...]]] = MappingProxyType(
    dict.fromkeys(TORCH_BACKENDS, TORCH_LIBRARIES) | dict.fromkeys(EXPORTED, EXPORTED_LIBRARIES)
)

_known: dict[tuple[Backend, str], Probe] = {}  # by backend and fingerprint: the answers of this process


def probe(name: str, *, fresh: bool = False) -> Probe:
    """Return whether the backend `name` works here, on which devices, or why not; `fresh` tries it again.

    Raises:
        UnknownName: there is no such backend.
    """
    asked = backend_of(name)
    return probes([asked], fresh=fresh)[asked]


def require(name: str) -> Probe:
    """Return the probe of the backend `name`, which works here.

    Raises:
        BackendError: it does not; the message says why and what to install.
        UnknownName: there is no such backend.
    """
    return probe(name).require()


def probes(names: Iterable[str] = tuple(Backend), *, fresh: bool = False) -> dict[Backend, Probe]:
    """Return the probe of each backend, in the order asked; those not known yet are tried side by side.

    Raises:
        UnknownName: there is no such backend.
    """
    asked = list(dict.fromkeys(backend_of(name) for name in names))
    keys: dict[Backend, str] = {name: fingerprint(LIBRARIES[name]) for name in asked if name not in WEB}
    found: dict[Backend, Probe] = {}
    if not fresh:
        found = {name: _known[name, key] for name, key in keys.items() if (name, key) in _known}
        found |= remembered.recall({name: key for name, key in keys.items() if name not in found})
    if new := [name for name in keys if name not in found]:
        from concurrent.futures import ThreadPoolExecutor  # 9 ms that a remembered answer does not cost

        with ThreadPoolExecutor(max_workers=min(len(new), usable_cores() + 1)) as pool:
            answers = dict(zip(new, pool.map(_ask, new), strict=True))
        remembered.remember(keys, answers)
        found |= answers
    _known.update({(name, keys[name]): answer for name, answer in found.items()})
    return {name: _later(name) if name in WEB else found[name] for name in asked}


def _later(name: Backend) -> Probe:
    reason = "it is not probed yet: it comes with the browser backends"
    return Probe(name, available=False, reason=reason, install="use another backend until then")


def _ask(name: Backend) -> Probe:
    """Return the answer of child processes: of one, and one more for each device on which a child failed."""
    from ipfs_accelerate_py.hardware import operations

    failures: dict[str, str] = {}
    events: list[Mapping[str, Any]] = []
    while True:
        command = python_module(operations.main.__module__, name.value, *failures)
        ending = run_child(command, timeout_s=TIMEOUT_S)
        events += ending.events
        tried = [event["trying"] for event in ending.events if "trying" in event]
        if not ending.failure:
            break
        at_fault = tried[-1] if tried else name.value
        if at_fault in failures:
            break
        failures[at_fault] = ending.failure
        if not tried:  # it failed before any device, so there is no next one to try
            break
    return answer(name, events, failures)


def answer(name: Backend, events: Sequence[Mapping[str, Any]], failures: Mapping[str, str]) -> Probe:
    """Return the probe that the children's `events` and `failures` (by device) amount to."""
    devices = [Device(**event["device"]) for event in events if "device" in event]
    working = {device.id: device for device in devices if device.id not in failures}
    details = {event["detail"]: event["value"] for event in events if "detail" in event}
    details |= {f"{device} failed": failure for device, failure in failures.items()}
    absent = [event for event in events if "absent" in event]
    reason = install = ""
    if absent:
        reason, install = absent[-1]["absent"], absent[-1]["install"]
    elif not working:
        reason = (
            "; ".join(f"{device}: {failure}" for device, failure in failures.items()) or "no device answered"
        )
        install = "repair its driver or library, then run: ipfs-accelerate hardware --fresh"
    return Probe(
        backend=name,
        available=not reason,
        devices=tuple(working.values()),
        reason=reason,
        install=install,
        simulated=bool(working) and all(device.simulated for device in working.values()),
        details=MappingProxyType(details),
        lasting=not failures,
    )
