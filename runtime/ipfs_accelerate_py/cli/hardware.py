"""`ipfs-accelerate hardware`: what works on this machine, and why the rest does not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from ipfs_accelerate_py.cli.console import print_json, print_table, size
from ipfs_accelerate_py.hardware.probe import Probe, probes

COLUMNS = ("backend", "here", "devices and library, or why not and what to do")


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("hardware")(_hardware)


def _hardware(
    backends: Annotated[
        list[str] | None,
        typer.Argument(metavar="BACKEND", help="The backends to try; all if none is named."),
    ] = None,
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Try again what is remembered.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try every backend: what works here, what does not and why.

    Each backend multiplies a small matrix in a process of its own. The answer is remembered until a library,
    a driver or the machine changes.

    \b
    Examples:
      ipfs-accelerate hardware
      ipfs-accelerate hardware cuda openvino --fresh
      ipfs-accelerate hardware --json
    """
    found = probes(backends, fresh=fresh) if backends else probes(fresh=fresh)
    if as_json:
        print_json([probe.as_dict() for probe in found.values()])
    else:
        print_table(COLUMNS, rows(found.values()))


def rows(found: Iterable[Probe]) -> list[tuple[str, str, str]]:
    """Return a row of the table for each probe."""
    return [(probe.backend.value, _here(probe), _words(probe)) for probe in found]


def _here(probe: Probe) -> str:
    if not probe.available:
        return "no"
    return "simulated" if probe.simulated else "yes"


def _words(probe: Probe) -> str:
    if not probe.available:
        return f"{probe.reason}; {probe.install}"
    devices = []
    for device in probe.devices:
        facts = [device.name]
        facts += [size(device.memory_bytes)] if device.memory_bytes else []
        facts += ["simulated"] if device.simulated else []
        devices.append(f"{device.id} ({', '.join(facts)})")
    failed = [f"{name}: {value}" for name, value in probe.details.items() if name.endswith(" failed")]
    return "; ".join([*devices, *filter(None, [probe.details.get("library")]), *failed])
