"""Coverage as one self-contained HTML page with filters; it needs no network and no server."""

from __future__ import annotations

import importlib.resources
from collections.abc import Collection, Mapping
from typing import Any

from ipfs_accelerate_py.hardware.backend import Backend
from ipfs_accelerate_py.registry.coverage.rows import Row
from ipfs_accelerate_py.registry.coverage.totals import EXPORTERS, Totals


def page(found: Collection[Row], counts: Totals, environments: Mapping[str, str]) -> str:
    """Return the page: totals, then a filtered table with a line for each pair of type and task.

    `environments` are where something was seen, by digest.
    """
    from jinja2 import Environment, StrictUndefined

    source = importlib.resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    shown = [each for each in map(str, Backend) if any(row.cell.backend == each for row in found)]
    return template.render(
        counts=counts.to_json(),
        exporters=EXPORTERS,
        environments=environments,
        backends=shown,
        pairs=_pairs(found),
    )


def _pairs(found: Collection[Row]) -> list[dict[str, Any]]:
    pairs: dict[tuple[str, str], dict[str, Any]] = {}
    for row in found:
        cell, verdict = row.cell, row.verdict
        pair = pairs.setdefault(
            (cell.model_type, cell.task), {"type": cell.model_type, "task": cell.task, "cells": {}}
        )
        told: dict[str, Any] = {"verdict": str(row.outlook), "reason": row.reason}
        if verdict is not None:
            told |= {
                name: value
                for name, value in (
                    ("difference", verdict.difference),
                    ("control", verdict.control),
                    ("route", verdict.route),
                    ("tests", verdict.tests),
                    ("simulated", verdict.simulated),
                    ("environment", verdict.environment),
                )
                if value
            }
        name = cell.backend if cell.precision == "float32" else f"{cell.backend} {cell.precision}"
        pair["cells"][name] = told
    return list(pairs.values())
