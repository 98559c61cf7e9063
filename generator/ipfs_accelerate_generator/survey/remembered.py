"""Surveys of an earlier day: under the same libraries and by the same rules a type of theirs is not surveyed again."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

from ipfs_accelerate_generator.spec import file_stem
from ipfs_accelerate_generator.survey.report import Report
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.files import write_atomic

_LIBRARIES: Final = ("transformers", "torch", "tokenizers", "numpy", "pillow")
_FOLDER: Final = "surveys"


def recall(workspace: Workspace) -> dict[str, Report]:
    """Return the reports that are known, by model type; a file that is not whole counts for nothing."""
    found = {}
    for path in sorted((workspace.state / _FOLDER).glob(f"*.{_key()}.json")):
        try:
            report = Report(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        found[report.model_type] = report
    return found


def keep(workspace: Workspace, report: Report) -> None:
    """Remember `report`, unless it is a failure: that may have been the machine's.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    if report.failure and not report.absent:
        return
    path = workspace.state / _FOLDER / f"{file_stem(report.model_type)}.{_key()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(asdict(report)))


@cache
def _key() -> str:
    """Return a digest of all that a survey of a library's own type depends on: the rules and the libraries."""
    rules = hashlib.sha256()
    for path in _sources():
        rules.update(path.read_bytes())
    versions = {name: _version(name) for name in _LIBRARIES}
    facts = [rules.hexdigest(), versions, platform.python_version(), sys.platform]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _sources() -> Iterator[Path]:
    here = Path(__file__).parent
    yield from sorted(here.rglob("*.py"))
    yield from (here.parent / name for name in ("spec.py", "specfile.py", "values.py"))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
