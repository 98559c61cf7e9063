"""Probes kept on disk, so that the next process need not ask the hardware again while nothing has changed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.files import write_atomic
from ipfs_accelerate_py.hardware.answer import Probe
from ipfs_accelerate_py.hardware.backend import Backend
from ipfs_accelerate_py.locations import probes_file

FORMAT = 1  # a change of what a probe does or says raises this, and every remembered probe is forgotten
KEPT = 64  # enough for eight environments; the oldest go first


def recall(keys: Mapping[Backend, str]) -> dict[Backend, Probe]:
    """Return the remembered probes by backend, for those `keys` (backend to fingerprint) that are on file."""
    entries = _read()
    found = {}
    for name, key in keys.items():
        with contextlib.suppress(KeyError, TypeError, ValueError):  # not on file, or damaged
            found[name] = Probe.from_dict(entries[f"{name} {key}"])
    return found


def remember(keys: Mapping[Backend, str], probes: Mapping[Backend, Probe]) -> None:
    """Keep `probes` (by backend) under their `keys`, except those that would not come out the same again."""
    lasting = {f"{name} {keys[name]}": probe.as_dict() for name, probe in probes.items() if probe.lasting}
    entries = {key: value for key, value in _read().items() if key not in lasting} | lasting
    kept = dict(list(entries.items())[-KEPT:])
    with contextlib.suppress(WorkspaceError):  # then the next process probes again: no loss
        write_atomic(probes_file(), json.dumps({"format": FORMAT, "probes": kept}, indent=1) + "\n")


def _read() -> dict[str, Any]:
    try:
        data = json.loads(probes_file().read_text())
        return dict(data["probes"]) if data["format"] == FORMAT else {}
    except (OSError, KeyError, TypeError, ValueError):  # absent, or damaged: then it is as good as absent
        return {}
