"""Backends that evidence left out, built again in a scratch tree where the text under test has changed since.

A finding carries the digest of the text that was tested. When the text that would be generated without the
finding has another digest (a template was mended, a library updated), the finding is stale: nobody knows any
more, so the backend is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_generator.generate import generate
from ipfs_accelerate_generator.module import Module
from ipfs_accelerate_generator.plan import PRECISION, NoTemplate, plan
from ipfs_accelerate_generator.specfile import read_findings, read_spec
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.trial import Trial
from ipfs_accelerate_generator.workspace import SpecFiles, Workspace
from ipfs_accelerate_py.errors import AccelerateError, UnknownName
from ipfs_accelerate_py.evidence.environment import versions
from ipfs_accelerate_py.evidence.slices import slice_digest
from ipfs_accelerate_py.files import write_atomic

_PACKAGE = "from pkgutil import extend_path\n\n__path__ = extend_path(__path__, __name__)\n"

Versions = Callable[[str], Mapping[str, str]]  # backend -> library -> version


@dataclass(frozen=True)
class Candidate:
    """A model type with the findings about it that are stale, and its modules without these findings."""

    model_type: str
    stale: tuple[Finding, ...]
    modules: tuple[Module, ...]


@dataclass(frozen=True)
class Candidates:
    """Modules to be tried, and by file name the model types of which none could be made, with the reason."""

    trials: tuple[Trial, ...]
    errors: Mapping[str, str]


def candidates(workspace: Workspace, stems: Iterable[str], folder: Path) -> Candidates:
    """Return trials of modules, written below `folder`, that offer again what stale findings left out.

    One type's failure stops no other.

    Raises:
        TemplateError: a template is not well formed.
        WorkspaceError: `folder` cannot be written.
    """
    templates = Templates.of(workspace.templates())
    trials, errors = [], {}
    for stem in stems:
        try:
            found = candidate(workspace.spec_files(stem), templates)
        except AccelerateError as error:
            errors[stem] = str(error)
            continue
        if found is not None and len(found.modules) == 2:  # without a test nothing can be seen
            trials.append(_written(folder / stem, found))
    return Candidates(tuple(trials), errors)


def candidate(files: SpecFiles, templates: Templates, *, versions: Versions = versions) -> Candidate | None:
    """Return the modules of a model type with the stale backends back in; None if no finding is stale.

    Raises:
        SpecError: a file says something that cannot be.
        ComposeError: the templates do not fit together.
        TemplateError: a template names something that is not there.
    """
    if files.surveyed is None or files.findings is None:
        return None
    findings = read_findings(files.findings)
    left_out = [each for each in findings if each.effect is Effect.LEAVE_OUT and each.precision == PRECISION]
    if not left_out:
        return None
    spec = read_spec(files.surveyed, files.override)

    def without(some: Iterable[Finding]) -> tuple[Module, ...]:
        kept = [each for each in findings if each not in some]
        return generate(plan(spec, kept, templates, sources=files.digest), templates)

    try:
        whole = without(left_out)
    except NoTemplate:
        return None
    stale = [each for each in left_out if is_stale(each, whole[0].text, versions=versions)]
    if not stale:
        return None
    return Candidate(spec.model_type, tuple(stale), whole if stale == left_out else without(stale))


def is_stale(finding: Finding, source: str, *, versions: Versions = versions) -> bool:
    """Whether `finding` is about another text than the one that the module `source` has for its pair now.

    Where the module has no such task or backend there is nothing to try.
    """
    backend = finding.backend.value
    try:
        return slice_digest(source, finding.task, backend, versions(backend)) != finding.slice
    except UnknownName:
        return False


def _written(folder: Path, made: Candidate) -> Trial:
    skill, suite = made.modules
    for module in made.modules:
        write_atomic(folder / module.path, module.text)
    write_atomic((folder / skill.path).with_name("__init__.py"), _PACKAGE)
    return Trial(made.model_type, folder / skill.path, folder / suite.path)
