"""Backends that evidence left out, built again in a scratch tree where the text under test has changed since.

A finding carries the digest of the text that was tested. When the text that would be generated without the finding has
another digest, the finding is stale: nobody knows any more, so the backend is tried again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_generator.generate import generate
from ipfs_accelerate_generator.make import planned
from ipfs_accelerate_generator.module import Module
from ipfs_accelerate_generator.plan import plan
from ipfs_accelerate_generator.specfile import read_findings, read_spec
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.trial import Trial
from ipfs_accelerate_generator.workspace import SpecFiles, Workspace
from ipfs_accelerate_py.evidence.environment import versions
from ipfs_accelerate_py.evidence.slices import slice_digest
from ipfs_accelerate_py.files import write_atomic

_PACKAGE = "from pkgutil import extend_path\n\n__path__ = extend_path(__path__, __name__)\n"


def candidates(workspace: Workspace, stems: Iterable[str], folder: Path) -> tuple[Trial, ...]:
    """Return trials of modules, written below `folder`, that offer again what stale findings left out.

    Raises:
        AccelerateError: a spec, a finding or a template is not well formed.
    """
    templates = Templates.of(workspace.templates())
    return tuple(
        _written(folder, stem, made) for stem in stems if (made := candidate(workspace, stem, templates))
    )


def candidate(workspace: Workspace, stem: str, templates: Templates) -> tuple[str, tuple[Module, ...]] | None:
    """Return the model type and its modules with the stale backends back in; None if no finding is stale."""
    files = workspace.spec_files(stem)
    if files.surveyed is None or files.findings is None:
        return None
    findings = read_findings(files.findings)
    stale = tuple(_stale(files, findings, templates))
    if not stale:
        return None
    spec = read_spec(files.surveyed, files.override)
    kept = [finding for finding in findings if finding not in stale]
    return spec.model_type, generate(plan(spec, kept, templates, sources=files.digest), templates)


def _stale(files: SpecFiles, findings: tuple[Finding, ...], templates: Templates) -> Iterator[Finding]:
    """Yield the findings that leave out a backend whose text is another now."""
    left_out = [finding for finding in findings if finding.effect is Effect.LEAVE_OUT]
    if not left_out or files.surveyed is None:
        return
    spec = read_spec(files.surveyed, files.override)
    others = [finding for finding in findings if finding not in left_out]
    source = generate(plan(spec, others, templates), templates)[0].text
    offered = planned(files, templates).spec.tasks
    for finding in left_out:
        if finding.task not in offered:
            continue
        used = versions(finding.backend.value)
        if slice_digest(source, finding.task, finding.backend.value, used) != finding.slice:
            yield finding


def _written(folder: Path, stem: str, made: tuple[str, tuple[Module, ...]]) -> Trial:
    model_type, modules = made
    skill, suite = modules
    for module in modules:
        write_atomic(folder / module.path, module.text)
    write_atomic((folder / skill.path).with_name("__init__.py"), _PACKAGE)
    return Trial(model_type, folder / skill.path, folder / suite.path)
