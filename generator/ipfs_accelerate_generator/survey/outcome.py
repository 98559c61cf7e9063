"""Surveys written into a workspace, one file for each model type."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ipfs_accelerate_generator.spec import file_stem
from ipfs_accelerate_generator.survey import remembered, unsurveyed
from ipfs_accelerate_generator.survey.client import surveys
from ipfs_accelerate_generator.survey.report import Report, Request
from ipfs_accelerate_generator.tomlsource import TomlSource
from ipfs_accelerate_generator.workspace import SPECS, Workspace
from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.files import write_if_changed


@dataclass(frozen=True)
class Outcome:
    """One model type: what the survey found, and the file that says so."""

    report: Report
    file: str
    """As messages show it; "" if none was made."""
    written: bool
    """Whether its text changed."""

    @property
    def failure(self) -> str:
        """Why there is no file, or ""."""
        return self.report.failure

    def facts(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        told = asdict(self.report)
        del told["text"], told["absent"]
        control = self.report.control  # not finite where no two outputs could be compared
        told["control"] = round(control, 4) if control is not None and math.isfinite(control) else None
        return {"file": self.file or None, "written": self.written} | told


def survey_into(
    workspace: Workspace,
    request: Request,
    counted: Callable[[int], Callable[[str], None]],
    *,
    again: bool = True,
) -> tuple[Outcome, ...]:
    """Survey the types of `request`, write their files and return how each went, sorted by type.

    `counted` is told how many types there will be, and gives what is to be called with the name of each. Without
    `again` a type that was surveyed here before, by the same rules and under the same libraries, is taken as it was.

    Raises:
        SurveyError: the surveying process could not do its work at all.
        WorkspaceError: a file cannot be written.
        SpecError: an override is no TOML.
    """
    found = _outcomes(workspace, request, counted, again=again)
    return tuple(sorted(found, key=lambda each: each.report.model_type))


def _outcomes(
    workspace: Workspace,
    request: Request,
    counted: Callable[[int], Callable[[str], None]],
    *,
    again: bool,
) -> Iterator[Outcome]:
    ours = not request.imports  # what a module of the user's registers may change from one survey to the next
    told = _told(workspace)
    known = remembered.recall(workspace) if ours and not again else {}
    known = {name: report for name, report in known.items() if file_stem(name) not in told}
    wanted = replace(request, known=sorted(known), told=told)
    steps: list[Callable[[str], None]] = []
    for report in surveys(wanted, workspace.root, lambda total: steps.append(counted(total))):
        steps[0](report.model_type)
        # One by one, so that a survey that is stopped has said what it knows.
        unsurveyed.note(workspace, report)
        if ours and file_stem(report.model_type) not in told:
            remembered.keep(workspace, report)
        yield from _outcome(workspace, report, request)
    for name, report in known.items():
        if request.everything or name in request.model_types:
            yield from _outcome(workspace, report, request)


def _told(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Return what overrides say of tiny configurations, by stem: the survey builds its models with that.

    Raises:
        SpecError: a file is no TOML.
    """
    found = {
        path.stem: TomlSource.read(path).data.get("tiny")
        for layer in workspace.layers
        for path in sorted((layer / SPECS / "overrides").glob("*.toml"))
    }
    return {stem: numbers for stem, numbers in found.items() if isinstance(numbers, dict)}


def _outcome(workspace: Workspace, report: Report, request: Request) -> Iterator[Outcome]:
    if report.absent and request.everything:  # 28 configurations of transformers 5.23 have no model class
        return
    yield Outcome(report, "", written=False) if report.failure else _written(workspace, report)


def _written(workspace: Workspace, report: Report) -> Outcome:
    path = workspace.spec_file("surveyed", report.model_type)
    shown = workspace.shown(path)
    owner = _owner(path)
    if owner not in (None, report.model_type):
        failure = f"{report.model_type}: {shown} is about {owner!r}; of two types with one file name keep one"
        return Outcome(Report(report.model_type, failure=failure), "", written=False)
    return Outcome(report, shown, written=write_if_changed(path, report.text))


def _owner(path: Path) -> str | None:
    """Return the model type that the file at `path` is about; None if there is no whole file."""
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8")).get("model_type"))
    except (FileNotFoundError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be read: {error.strerror or error}") from error
