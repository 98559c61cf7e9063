"""The file of the model types that could not be surveyed, so that they are counted and not forgotten."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tomlkit

from ipfs_accelerate_generator.survey.proof import printable
from ipfs_accelerate_generator.survey.report import Report
from ipfs_accelerate_generator.workspace import SPECS, Workspace
from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.files import lock, write_if_changed

NAME: Final = "unsurveyed.toml"
_HEAD: Final = (
    "# Model types that `ipfs-accelerate survey` could not survey, why, and what transformers has for them.\n"
    "# Machine-written: a type leaves this file when a survey of it succeeds.\n"
)
_LACKS: Final = re.compile(r"\bneeds \w+: \w+ cannot be made without it")


def note(workspace: Workspace, report: Report) -> bool:
    """Bring the file up to date with `report`; return whether its text changed. A type without a model is no failure.

    Nor is one that was surveyed where there is a library that this machine lacks: its spec holds.

    Raises:
        WorkspaceError: the file is damaged or cannot be written.
    """
    path = workspace.root / SPECS / NAME
    failed = _counts(report)
    if (
        failed
        and _LACKS.search(report.failure)
        and workspace.spec_file("surveyed", report.model_type).is_file()
    ):
        return False
    if not failed and not path.exists():
        return False
    with lock(workspace.state / "unsurveyed.lock", of=path):
        known = _read(path)
        known.pop(report.model_type, None)
        if failed:
            reason = printable(report.failure.removeprefix(f"{report.model_type}: "))
            known[report.model_type] = {"reason": reason, "tasks": report.tasks}
        return write_if_changed(path, _HEAD + tomlkit.dumps(dict(sorted(known.items()))))


def _counts(report: Report) -> bool:
    return bool(report.failure) and bool(report.tasks) and not report.absent


def _read(path: Path) -> dict[str, Mapping[str, Any]]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        fix = "restore it from git, or delete it and survey with --all"
        raise WorkspaceError(f"{path}: cannot be read ({error}); {fix}") from error
