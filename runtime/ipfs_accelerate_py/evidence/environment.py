"""Where something was seen: operating system, processor, versions, and nothing personal."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.evidence.cells import ANY
from ipfs_accelerate_py.evidence.digests import digest

LIBRARIES = ("torch", "transformers", "tokenizers", "numpy", "openvino", "onnx", "onnxscript", "onnxruntime")

# What a result on a backend can depend on; every other library is left out, so that an update of OpenVINO
# does not make the evidence for the CPU stale.
_EVERYWHERE = ("torch", "transformers", "tokenizers", "numpy")
_ONNX = ("onnx", "onnxscript", "onnxruntime")
BACKEND_LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "openvino": (*_EVERYWHERE, "openvino"),
    "onnxruntime": (*_EVERYWHERE, *_ONNX),
    "qualcomm": (*_EVERYWHERE, *_ONNX),
    ANY: LIBRARIES,
}

# Instruction sets that decide which kernels the libraries choose, hence how fast they are and how they round.
_FLAGS = re.compile(
    r"avx2|fma|f16c|avx_vnni|avx512(f|bw|vl|_?vnni|_?bf16|_?fp16)|amx_(tile|int8|bf16)|asimd(hp|dp)?|bf16|i8mm|sve2?"
)

# One file per accelerator or driver, so that a new device or driver is a new environment.
_DEVICES = ("nvidia[0-9]*", "kfd", "dri/renderD*", "accel/accel*", "qaic*")
_DRIVERS = ("nvidia", "amdgpu", "i915", "xe", "intel_vpu", "amdxdna")


@dataclass(frozen=True)
class Environment:
    """The facts that a result may depend on."""

    system: str
    machine: str
    processor: str
    flags: tuple[str, ...]
    cores: int
    python: str
    libraries: Mapping[str, str]
    accelerators: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Return twelve hexadecimal digits, equal for all processes of one unchanged installation."""
        return digest(json.dumps(asdict(self), sort_keys=True))

    def describe(self, backend: str = ANY) -> str:
        """Return one sentence without this machine's name: "linux x86_64, python 3.11, torch 2.13.0, ..."."""
        wanted = BACKEND_LIBRARIES.get(backend, _EVERYWHERE)
        named = [f"{name} {_public(self.libraries[name])}" for name in wanted if name in self.libraries]
        python = ".".join(self.python.split(".")[:2])
        return ", ".join([f"{self.system} {self.machine}", f"python {python}", *named])

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain JSON values."""
        return {**asdict(self), "flags": list(self.flags), "accelerators": list(self.accelerators)}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Environment:
        """Return the environment that `to_json` described."""
        return cls(**{**facts, "flags": tuple(facts["flags"]), "accelerators": tuple(facts["accelerators"])})


def _public(version: str) -> str:
    return version.partition("+")[0]


def _processor() -> tuple[str, tuple[str, ...]]:
    """Return the processor's own name and those of its instruction sets that matter."""
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:  # not Linux
        return platform.processor() or platform.machine(), ()
    name = re.search(r"^(?:model name|Hardware|Processor)\s*:\s*(.+)$", text, re.MULTILINE)
    listed = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE)
    flags = {flag for flag in (listed[1].split() if listed else ()) if _FLAGS.fullmatch(flag)}
    return (" ".join(name[1].split()) if name else platform.machine()), tuple(sorted(flags))


def _accelerators() -> tuple[str, ...]:
    """Return the device nodes and driver versions that Linux shows; nothing is opened or started."""
    found = [
        f"{path.relative_to('/dev')}" for pattern in _DEVICES for path in sorted(Path("/dev").glob(pattern))
    ]
    for driver in _DRIVERS:
        module = Path("/sys/module") / driver
        if module.is_dir():
            version = module / "version"
            found.append(f"{driver} {version.read_text().strip()}" if version.is_file() else driver)
    return tuple(found)


def _versions() -> dict[str, str]:
    from importlib import metadata

    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def environment() -> Environment:
    """Return this process's environment; no library is imported to learn its version."""
    processor, flags = _processor()
    return Environment(
        system=sys.platform,
        machine=platform.machine(),
        processor=processor,
        flags=flags,
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        libraries=_versions(),
        accelerators=_accelerators(),
    )


def versions(backend: str = ANY, where: Environment | None = None) -> dict[str, str]:
    """Return the versions of the libraries that a result on `backend` can depend on, installed here or `where`.

    The public part alone: "2.13.0+cpu" and "2.13.0+cu130" are one version built for two machines, and what
    was seen of a text travels between machines.
    """
    installed = (where or environment()).libraries
    wanted = BACKEND_LIBRARIES.get(backend, _EVERYWHERE)
    return {name: _public(installed[name]) for name in wanted if name in installed}
