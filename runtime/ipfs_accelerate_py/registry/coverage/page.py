"""Coverage as one self-contained HTML page with filters; it needs no network and no server."""

from __future__ import annotations

import importlib.resources
from collections.abc import Collection, Mapping
from typing import Any, Final

from ipfs_accelerate_py.hardware.backend import Backend
from ipfs_accelerate_py.registry.coverage.rows import Row
from ipfs_accelerate_py.registry.coverage.totals import EXPORTERS, Totals

# What the page says of a cell.
_TOLD: Final = (
    "verdict",
    "reason",
    "difference",
    "control",
    "route",
    "tests",
    "simulated",
    "environment",
    "processor",
)


def page(found: Collection[Row], counts: Totals, environments: Mapping[str, str]) -> str:
    """Return the page: totals, then a filtered table with a line for each pair of type and task.

    `environments` are where something was seen, by digest.
    """
    from jinja2 import Environment, StrictUndefined

    source = importlib.resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    pairs = _pairs(found)
    known = {
        name: None
        for each in map(str, Backend)
        for pair in pairs
        for name in pair["cells"]
        if name.split()[0] == each
    }
    return template.render(
        counts=counts.to_json(),
        exporters=EXPORTERS,
        environments=environments,
        backends=list(known),
        pairs=pairs,
    )


def _pairs(found: Collection[Row]) -> list[dict[str, Any]]:
    pairs: dict[tuple[str, str], dict[str, Any]] = {}
    for row in found:
        cell = row.cell
        pair = pairs.setdefault(
            (cell.model_type, cell.task), {"type": cell.model_type, "task": cell.task, "cells": {}}
        )
        told = row.to_json()
        name = cell.backend if cell.precision == "float32" else f"{cell.backend} {cell.precision}"
        pair["cells"][name] = {key: told[key] for key in _TOLD if told.get(key) not in (None, "")}
    return list(pairs.values())
