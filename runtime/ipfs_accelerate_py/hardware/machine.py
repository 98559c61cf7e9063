"""Facts about this machine that cost nothing to read: processor, cores, memory, drivers, library versions."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

# Where Linux shows drivers and their devices; a driver that comes, goes or changes alters one of these.
DRIVER_FILES = ("/proc/driver/nvidia/version", "/proc/sys/kernel/random/boot_id")
DEVICE_FOLDERS = ("/dev", "/dev/dri", "/dev/accel")
DEVICE_PREFIXES = ("nvidia", "kfd", "renderD", "card", "accel", "adsprpc", "fastrpc")

# The environment can hide devices from a library.
HIDING_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "ONEAPI_DEVICE_SELECTOR",
    "ZE_AFFINITY_MASK",
    "LD_LIBRARY_PATH",
)


def processor_name() -> str:
    """Return the processor's model name as its maker wrote it, or its architecture if nothing tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() in {"model name", "Model"} and value.strip():
                return value.strip()
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            return subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=5
            ).stdout.strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Return how many cores this process may use; `taskset` or a container can make them fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Return the machine's memory, or None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def version(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    from importlib import metadata  # 15 ms that a skill need not pay before it probes anything

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def fingerprint(distributions: tuple[str, ...]) -> str:
    """Return twelve hex digits that change when the hardware, a driver or one of `distributions` may have."""
    facts: dict[str, object] = {
        "machine": [
            platform.system(),
            platform.release(),
            platform.machine(),
            processor_name(),
            usable_cores(),
        ],
        "python": [sys.executable, platform.python_version()],
        "libraries": {name: version(name) for name in distributions},
        "hiding": {name: os.environ.get(name) for name in HIDING_VARIABLES},
        "devices": [str(device) for device in _devices()],
    }
    for name in DRIVER_FILES:
        with contextlib.suppress(OSError):
            facts[name] = Path(name).read_text()
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _devices() -> list[Path]:
    found: list[Path] = []
    for folder in DEVICE_FOLDERS:
        with contextlib.suppress(OSError):
            found += [entry for entry in Path(folder).iterdir() if entry.name.startswith(DEVICE_PREFIXES)]
    return sorted(found)
