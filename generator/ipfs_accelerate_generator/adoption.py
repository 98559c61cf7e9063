"""Findings of many model types, brought up to date in a workspace's working tree for git to review."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ipfs_accelerate_generator.adopt import Change, adopted, changes
from ipfs_accelerate_generator.specfile import read_findings, write_findings
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.errors import AccelerateError
from ipfs_accelerate_py.evidence.cells import file_stem
from ipfs_accelerate_py.evidence.environment import Environment
from ipfs_accelerate_py.files import write_if_changed
from ipfs_accelerate_py.registry import verdicts as registry
from ipfs_accelerate_py.registry.verdicts import Verdict


@dataclass(frozen=True)
class Evidence:
    """The verdicts that may be adopted, by the file name of their model type, and where they were given."""

    verdicts: Mapping[str, tuple[Verdict, ...]]
    environments: Mapping[str, Environment]


@dataclass(frozen=True)
class Adoption:
    """What the evidence changes about one model type: the file of its findings, before and after."""

    stem: str
    path: str
    """As messages show it."""
    before: str
    after: str
    changes: tuple[Change, ...] = ()
    error: str = ""

    @property
    def is_news(self) -> bool:
        """Whether the file changes."""
        return self.before != self.after

    @property
    def diff(self) -> str:
        """The change as git would show it."""
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            f"a/{self.path}" if self.before else "/dev/null",
            f"b/{self.path}",
        )
        return "".join(lines)


def evidence(database: Path, stems: Collection[str]) -> Evidence:
    """Return what the results in `database` say about the model types with the file names `stems`.

    Raises:
        WorkspaceError: there are no results yet, or they cannot be read.
    """
    names = [name for name in registry.model_types(database) if file_stem(name) in stems]
    found: dict[str, list[Verdict]] = {}
    for verdict in registry.verdicts(database, model_types=names) if names else ():
        found.setdefault(file_stem(verdict.cell.model_type), []).append(verdict)
    verdicts = {stem: tuple(each) for stem, each in found.items()}
    return Evidence(verdicts, registry.environments(database))


def adopt_types(
    workspace: Workspace,
    stems: Iterable[str],
    known: Evidence,
    *,
    may_return: bool = True,
    dry_run: bool = False,
) -> tuple[Adoption, ...]:
    """Bring the findings about the model types `stems` up to date; one type's failure stops no other.

    With `dry_run` nothing is written.
    """
    return tuple(_adopt(workspace, stem, known, may_return=may_return, dry_run=dry_run) for stem in stems)


def _adopt(workspace: Workspace, stem: str, known: Evidence, *, may_return: bool, dry_run: bool) -> Adoption:
    files = workspace.spec_files(stem)
    path = workspace.spec_file("findings", stem)
    shown, text = workspace.shown(path), ""
    try:
        before = read_findings(files.findings) if files.findings is not None else ()
        text = files.findings.read_text(encoding="utf-8") if files.findings is not None else ""
        verdicts = known.verdicts.get(stem, ())
        after = adopted(before, verdicts, known.environments, may_return=may_return)
        model_type = verdicts[0].cell.model_type if verdicts else stem
        found = changes(model_type, before, after)
        if not found:
            return Adoption(stem, shown, text, text)
        written = write_findings(model_type, after)
        if not dry_run:
            write_if_changed(path, written)
    except AccelerateError as error:
        return Adoption(stem, shown, text, text, error=str(error))
    return Adoption(stem, shown, text, written, found)


def all_changes(adoptions: Sequence[Adoption]) -> tuple[Change, ...]:
    """Return every change, in the order of the model types."""
    return tuple(change for adoption in adoptions for change in adoption.changes)
