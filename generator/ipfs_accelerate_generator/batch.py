"""Many model types: those that cannot have changed are skipped, the rest are made, written and remembered."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ipfs_accelerate_generator import catalogue
from ipfs_accelerate_generator.lineage import generator_digest
from ipfs_accelerate_generator.make import Made, make
from ipfs_accelerate_generator.module import SKILLS, Module, read_banner, skill_path, test_path
from ipfs_accelerate_generator.stamp import (
    Entry,
    Inputs,
    Stamp,
    file_digest,
    is_current,
    read_stamp,
    write_stamp,
)
from ipfs_accelerate_generator.sync import sync
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.templates.store import TemplateStore
from ipfs_accelerate_generator.workspace import SpecFiles, Workspace
from ipfs_accelerate_py.errors import AccelerateError
from ipfs_accelerate_py.files import lock, write_if_changed
from ipfs_accelerate_py.locations import templates_file

Step = Callable[[str], None]

_WORTH_A_POOL: Final = 8  # types; a new process spends about as long on its imports
_PACKAGE: Final = '"""The generated skills of this workspace, beside those that the package ships."""\n'
_EXTENDS: Final = "\nfrom pkgutil import extend_path\n\n__path__ = extend_path(__path__, __name__)\n"


@dataclass(frozen=True)
class Outcome:
    """What became of one model type. `written` are paths relative to the workspace."""

    stem: str
    written: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    """Were generated here once, and nothing leads to them any more."""
    skipped: bool = False
    """Nothing that shapes it has changed since it was generated here."""
    untemplated: tuple[str, ...] = ()
    lacking: str = ""
    error: str = ""


@dataclass(frozen=True)
class Report:
    """What became of all of them, in the order asked for, and of the files that they share."""

    outcomes: tuple[Outcome, ...]
    shared: tuple[str, ...] = ()
    notice: str = ""

    @property
    def written(self) -> tuple[str, ...]:
        """Every path that was written."""
        return (*(path for each in self.outcomes for path in each.written), *self.shared)

    @property
    def deleted(self) -> tuple[str, ...]:
        """Every path that was deleted."""
        return tuple(path for each in self.outcomes for path in each.deleted)

    @property
    def errors(self) -> tuple[str, ...]:
        """What went wrong, type by type."""
        return tuple(each.error for each in self.outcomes if each.error)


def generate_types(
    workspace: Workspace,
    stems: Sequence[str],
    *,
    jobs: int = 1,
    overwrite: bool = False,
    step: Step = lambda name: None,
) -> Report:
    """Generate the model types `stems` and return what became of each: one's failure stops no other.

    Raises:
        TemplateError: a template is not well formed; nothing was written.
        WorkspaceError: the workspace cannot be written, or another process holds the template store.
    """
    inputs = Inputs.of(workspace.templates())
    before = read_stamp(workspace)
    entries = catalogue.read(workspace.root / catalogue.PATH)
    listed = {str(each.get("module")).removeprefix("hf_") for each in entries.values()}
    trusted = before.catalogue == file_digest(workspace.root / catalogue.PATH)
    files = {stem: workspace.spec_files(stem) for stem in stems}
    outcomes: dict[str, Outcome] = {}
    for stem in stems:
        entry = before.types.get(stem)
        current = is_current(workspace, entry, files[stem], inputs)  # this also takes the digest of the files
        if entry is not None and current and trusted and (stem in listed or not entry.files):
            step(stem)
            outcomes[stem] = Outcome(stem, skipped=True, untemplated=entry.untemplated, lacking=entry.lacking)
    stale = [files[stem] for stem in stems if stem not in outcomes]
    if not stale and templates_file(workspace.root).is_file():
        return Report(tuple(outcomes.values()))
    templates, changes = sync(workspace)
    made: list[Made] = []
    for each in _made(stale, templates, jobs):
        step(each.stem)
        outcomes[each.stem] = _write(workspace, each, overwrite=overwrite)
        made.append(each)
    whole = [each for each in made if not outcomes[each.stem].error]
    shared = _remember(workspace, whole, Inputs.of(templates), files)
    _record(workspace, whole, outcomes.values())
    return Report(tuple(outcomes[stem] for stem in stems), shared, changes.notice)


def _made(files: Sequence[SpecFiles], templates: Templates, jobs: int) -> Iterator[Made]:
    """Yield what comes of each of `files`, in their order, made in up to `jobs` processes."""
    if jobs < 2 or len(files) < _WORTH_A_POOL:
        for each in files:
            yield make(each, templates)
        return
    context = multiprocessing.get_context("spawn")
    chunks = _chunks(files, jobs)
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        futures: list[Future[list[Made]]] = []
        for chunk in chunks:
            with contextlib.suppress(BrokenProcessPool):  # then its types are reported below
                futures.append(pool.submit(_make_all, chunk, templates))
        for chunk, future in itertools.zip_longest(chunks, futures):
            try:
                yield from future.result() if future is not None else _killed(chunk)
            except BrokenProcessPool:
                yield from _killed(chunk)


def _killed(files: Sequence[SpecFiles]) -> list[Made]:
    fact = "the process that generated it was killed; try again, with fewer --jobs if memory is short"
    return [Made(each.stem, error=f"{each.stem}: {fact}") for each in files]


def _make_all(files: Sequence[SpecFiles], templates: Templates) -> list[Made]:
    return [make(each, templates) for each in files]


def _chunks(files: Sequence[SpecFiles], jobs: int) -> list[Sequence[SpecFiles]]:
    size = max(1, min(16, len(files) // (jobs * 4)))
    return [files[start : start + size] for start in range(0, len(files), size)]


def _write(workspace: Workspace, made: Made, *, overwrite: bool) -> Outcome:
    """Write those modules of `made` whose text differs, unless a person's work would be lost.

    What was generated here and is no longer due is deleted, so that no module speaks for facts that are gone.
    """
    outcome = Outcome(made.stem, untemplated=made.untemplated, lacking=made.lacking, error=made.error)
    if made.error:
        return outcome
    written: list[str] = []
    deleted: list[str] = []
    try:
        for module in made.modules:
            path = workspace.root / module.path
            if not overwrite and (fact := _edited(path, module)):
                return replace(outcome, error=f"{module.path}: {fact}", written=tuple(written))
            if write_if_changed(path, module.text):
                written.append(module.path)
        for superfluous in {skill_path(made.stem), test_path(made.stem)} - {
            each.path for each in made.modules
        }:
            path = workspace.root / superfluous
            if not overwrite and (fact := _edited(path, None)):
                return replace(outcome, error=f"{superfluous}: {fact}", written=tuple(written))
            if path.exists():
                path.unlink(missing_ok=True)  # the same command beside this one may have been first
                deleted.append(superfluous)
    except AccelerateError as error:
        return replace(outcome, error=str(error), written=tuple(written))
    return replace(outcome, written=tuple(written), deleted=tuple(sorted(deleted)))


def _edited(path: Path, module: Module | None) -> str:
    """Return why the file at `path` must not give way to `module`, or to nothing; "" if it may."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return ""
    if module is not None and raw == module.text.encode():
        return ""
    banner = read_banner(raw)
    if banner is not None and banner.is_intact:
        return ""
    fact = "was edited by hand" if banner is not None else "was not generated"
    return f"{fact}; take what matters into an override or a template, then generate with --overwrite"


def _remember(
    workspace: Workspace, made: Iterable[Made], inputs: Inputs, files: dict[str, SpecFiles]
) -> tuple[str, ...]:
    """Bring the catalogue, the package file and the stamp up to date; return the paths of those written."""
    made = list(made)
    folder = workspace.root / SKILLS
    shared: list[str] = []
    with lock(workspace.state / "generate.lock"):
        path = workspace.root / catalogue.PATH
        entries = catalogue.merged(
            catalogue.read(path),
            {each.model_type: each.entry for each in made if each.entry is not None},
            folder=folder,
            stems=frozenset(workspace.stems),
        )
        text = catalogue.text(entries)
        if write_if_changed(path, text):
            shared.append(catalogue.PATH)
        if not (folder / "__init__.py").exists():
            write_if_changed(folder / "__init__.py", _PACKAGE + _EXTENDS)
            shared.append(f"{SKILLS}/__init__.py")
        stamp = read_stamp(workspace)
        types = {
            **stamp.types,
            **{each.stem: _entry(workspace, each, inputs, files[each.stem]) for each in made},
        }
        write_stamp(workspace, Stamp(generator_digest(), file_digest(path) or "", types))
    return tuple(shared)


def _entry(workspace: Workspace, made: Made, inputs: Inputs, files: SpecFiles) -> Entry:
    written = {module.path: file_digest(workspace.root / module.path) or "" for module in made.modules}
    inputs_now = inputs.of_type(files, made.templates)
    return Entry(inputs_now, made.templates, written, made.untemplated, made.lacking)


def _record(workspace: Workspace, made: Iterable[Made], outcomes: Iterable[Outcome]) -> None:
    """Keep in the template store what was generated from what."""
    written = {path for outcome in outcomes for path in outcome.written}
    rows = [
        (each.path, each.inputs, each.body) for one in made for each in one.modules if each.path in written
    ]
    TemplateStore(templates_file(workspace.root)).record(rows)
