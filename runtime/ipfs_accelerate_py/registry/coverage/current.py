"""Which verdicts are about the generated modules and the runtime as they are now, and which about an older text."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from ipfs_accelerate_py.errors import AccelerateError
from ipfs_accelerate_py.evidence.environment import Environment, versions
from ipfs_accelerate_py.evidence.slices import slice_digest
from ipfs_accelerate_py.registry.coverage.rows import CATALOGUE, Offered
from ipfs_accelerate_py.registry.verdicts import Outlook, Verdict


def current(
    verdicts: Collection[Verdict], environments: Mapping[str, Environment], known: Offered, root: Path
) -> tuple[tuple[Verdict, ...], Offered]:
    """Return the verdicts that were reached on today's text, and `known` with what was said of an older one.

    A text is compared with the versions of the libraries in the environment where it was seen: an upgrade here makes
    nothing stale that was seen elsewhere. A verdict about a cell that no module has any more is of an older text. That
    a device was missing says nothing of a text, and stays.
    """
    sources = _Sources(root)
    kept, older = [], {}
    for verdict in sorted(verdicts, key=lambda each: each.seen):
        where = environments[verdict.environment]
        if verdict.outlook is Outlook.UNSUPPORTED or verdict.slice == sources.digest(
            verdict, versions(verdict.cell.backend, where)
        ):
            kept.append(verdict)
        else:
            said = f"{verdict.outlook} by an older text, on {verdict.seen:%Y-%m-%d}; `loop` tests it again"
            older[verdict.cell] = said
    return tuple(kept), replace(known, reasons={**known.reasons, **older})


class _Sources:
    """The modules of a workspace, each read once."""

    def __init__(self, root: Path) -> None:
        path = root / CATALOGUE
        entries = json.loads(path.read_bytes()) if path.exists() else {}
        self._paths = {name: path.with_name(f"{entry['module']}.py") for name, entry in entries.items()}

    def digest(self, verdict: Verdict, libraries: Mapping[str, str]) -> str:
        """Return the digest of today's text of the cell; "" where there is none."""
        cell, path = verdict.cell, self._paths.get(verdict.cell.model_type)
        if path is None:
            return ""
        try:
            return slice_digest(path.read_text(encoding="utf-8"), cell.task, cell.backend, libraries)
        except (OSError, AccelerateError):  # no such file; or no such task or backend in it
            return ""
