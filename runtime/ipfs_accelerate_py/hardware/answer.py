"""What a probe answers: whether a backend works here, on which devices, or why not and what to install."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from ipfs_accelerate_py.errors import BackendError
from ipfs_accelerate_py.hardware.backend import Backend

# Names under which software stands in for a GPU: such a device computes, but is not what it seems.
SOFTWARE_ADAPTERS = (
    "llvmpipe",
    "lavapipe",
    "swiftshader",
    "pocl",
    "portable computing language",
    "basic render",
)


@dataclass(frozen=True, slots=True)
class Device:
    """One device that computed a known product correctly."""

    id: str
    """What the backend calls it: "cpu", "cuda:0", "GPU.1", "CUDAExecutionProvider"."""
    name: str
    """What its maker calls it."""
    memory_bytes: int | None = None
    """Its memory, where the backend tells."""
    simulated: bool = False
    """Whether software stands in for the hardware."""

    def __post_init__(self) -> None:
        software = any(adapter in self.name.lower() for adapter in SOFTWARE_ADAPTERS)
        object.__setattr__(self, "simulated", self.simulated or software)


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether one backend can run a skill on this machine, or why not."""

    backend: Backend
    available: bool
    devices: tuple[Device, ...] = ()
    reason: str = ""
    """Why it is not available; empty if it is."""
    install: str = ""
    """What to do about it, as an instruction: "install ..."."""
    simulated: bool = False
    """Whether every device is a software stand-in; reports must say so."""
    details: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Facts by name: library, cores, the devices that failed and why."""
    lasting: bool = True
    """Whether asking again would give the same answer: not so after a crash or a timeout."""

    def require(self) -> Probe:
        """Return this probe if its backend works here.

        Raises:
            BackendError: it does not; the message says why and what to install.
        """
        if self.available:
            return self
        hint = f"; {self.install}" if self.install else ""
        raise BackendError(f"backend {self.backend.value!r} is not on this machine: {self.reason}{hint}")

    def as_dict(self) -> dict[str, Any]:
        """Return the probe as JSON data."""
        return {
            "backend": self.backend.value,
            "available": self.available,
            "simulated": self.simulated,
            "devices": [asdict(device) for device in self.devices],
            "reason": self.reason,
            "install": self.install,
            "details": dict(self.details),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Probe:
        """Return the probe that `as_dict` was made from.

        Raises:
            KeyError: a field is missing.
            TypeError: a field is not known.
            ValueError: the backend is not known.
        """
        return cls(
            backend=Backend(data["backend"]),
            available=data["available"],
            devices=tuple(Device(**device) for device in data["devices"]),
            reason=data["reason"],
            install=data["install"],
            simulated=data["simulated"],
            details=MappingProxyType(dict(data["details"])),
        )
