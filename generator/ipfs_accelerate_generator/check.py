"""Whether generated files are what their inputs lead to: by digests, or by generating them again."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from ipfs_accelerate_generator import catalogue
from ipfs_accelerate_generator.make import Made, expected, make
from ipfs_accelerate_generator.module import SKILLS, read_banner, skill_path, test_path
from ipfs_accelerate_generator.plan import NoTemplate
from ipfs_accelerate_generator.stamp import Inputs, Stamp, file_digest, is_current, read_stamp
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.workspace import SpecFiles, Workspace
from ipfs_accelerate_py.errors import AccelerateError

Step = Callable[[str], None]

MOST_DIFFS: Final = 10  # model types whose difference is made and shown; the rest are only named


class Kind(StrEnum):
    """What can be wrong with a generated file."""

    DRIFT = "drift"
    """Its inputs have changed since it was generated."""
    HAND_EDIT = "hand edit"
    """It is not what was generated."""
    MISSING = "missing"
    ORPHAN = "orphan"
    """Nothing leads to it any more."""
    ERROR = "error"
    """What leads to it is not well formed."""


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be; `diff` goes from the file to what it should be."""

    kind: Kind
    path: str
    fact: str
    stem: str = ""
    diff: str = ""


@dataclass(frozen=True)
class Checked:
    """What was found among so many model types; `notice` is what digests alone cannot tell."""

    types: int
    problems: tuple[Problem, ...]
    notice: str = ""


def check(
    workspace: Workspace,
    stems: Sequence[str] | None = None,
    *,
    full: bool = False,
    step: Step = lambda name: None,
) -> Checked:
    """Return what is wrong with the generated files of `stems`, or of all in the workspace; write nothing.

    Raises:
        WorkspaceError: a file cannot be read.
        TemplateError: a template cannot be read.
    """
    chosen = workspace.own_stems if stems is None else stems
    templates = Templates.of(workspace.templates())
    stamp = read_stamp(workspace)
    by_text: dict[str, Made] = {}
    problems: list[Problem] = []
    entries: dict[str, catalogue.Entry] = {}
    if full:
        for stem in _shown(chosen, step):
            made = by_text[stem] = make(workspace.spec_files(stem), templates)
            problems += _texts(workspace, made)
            if made.entry is not None:
                entries[made.model_type] = made.entry
    else:
        inputs = Inputs.of(templates)
        trusted = stamp.catalogue == file_digest(workspace.root / catalogue.PATH)
        for stem in _shown(chosen, step):
            files = workspace.spec_files(stem)
            entry = stamp.types.get(stem)
            if not (trusted and entry is not None and is_current(workspace, entry, files, inputs)):
                problems += _digests(workspace, files, templates, entries)
    problems += _catalogue(workspace, entries)
    if stems is None:
        problems += _orphans(workspace)
    problems = _with_diffs(workspace, problems, templates, by_text)
    return Checked(len(chosen), tuple(problems), "" if full else _notice(stamp, chosen))


def _shown(stems: Iterable[str], step: Step) -> Iterator[str]:
    for stem in stems:
        step(stem)
        yield stem


def _digests(
    workspace: Workspace, files: SpecFiles, templates: Templates, entries: dict[str, catalogue.Entry]
) -> Iterator[Problem]:
    """Yield what the banners of one type's files tell; put its entry of the catalogue into `entries`."""
    try:
        due = expected(files, templates)
    except NoTemplate as error:
        yield from _superfluous(workspace, files.stem, (), str(error))
        return
    except AccelerateError as error:
        yield Problem(Kind.ERROR, workspace.shown(files.surveyed or Path(files.stem)), str(error), files.stem)
        return
    entries[due.model_type] = due.entry
    for path, sum_ in due.inputs.items():
        raw = _raw(workspace.root / path)
        banner = read_banner(raw) if raw is not None else None
        if raw is None:
            yield Problem(Kind.MISSING, path, "has not been generated", files.stem)
        elif banner is None:
            yield Problem(Kind.HAND_EDIT, path, "has no banner: it was not generated", files.stem)
        elif not banner.is_intact:
            yield Problem(Kind.HAND_EDIT, path, "is not what its banner says was generated", files.stem)
        elif banner.inputs != sum_:
            yield Problem(Kind.DRIFT, path, "its spec, findings or templates have changed", files.stem)
    yield from _superfluous(workspace, files.stem, tuple(due.inputs), "its template is gone")


def _texts(workspace: Workspace, made: Made) -> Iterator[Problem]:
    """Yield how one type's files differ from what was just made."""
    if made.error:
        yield Problem(Kind.ERROR, f"model_specs/*/{made.stem}.toml", made.error, made.stem)
        return
    for module in made.modules:
        raw = _raw(workspace.root / module.path)
        if raw is None:
            yield Problem(Kind.MISSING, module.path, "has not been generated", made.stem)
        elif raw != module.text.encode():
            banner = read_banner(raw)
            edited = banner is None or not banner.is_intact
            fact = "is not what was generated" if edited else "generating it again gives another text"
            yield Problem(Kind.HAND_EDIT if edited else Kind.DRIFT, module.path, fact, made.stem)
    paths = tuple(module.path for module in made.modules)
    yield from _superfluous(workspace, made.stem, paths, made.lacking or "its template is gone")


def _superfluous(workspace: Workspace, stem: str, due: Sequence[str], fact: str) -> Iterator[Problem]:
    for path in (skill_path(stem), test_path(stem)):
        if path not in due and (workspace.root / path).exists():
            yield Problem(Kind.ORPHAN, path, f"nothing leads to it: {fact}; delete it", stem)


def _orphans(workspace: Workspace) -> Iterator[Problem]:
    known = set(workspace.stems)
    for path in workspace.generated_files():
        stem = path.stem.removeprefix("test_").removeprefix("hf_")
        if stem not in known:
            shown = workspace.shown(path)
            fact = f"there is no model_specs/surveyed/{stem}.toml; delete it"
            yield Problem(Kind.ORPHAN, shown, fact, stem)


def _catalogue(workspace: Workspace, entries: dict[str, catalogue.Entry]) -> Iterator[Problem]:
    """Yield how the catalogue differs from `entries`, which are those of the types that were looked at."""
    said = catalogue.read(workspace.root / catalogue.PATH)
    for model_type, entry in entries.items():
        module = workspace.root / f"{SKILLS}/{entry['module']}.py"
        if said.get(model_type) != entry and module.exists():
            fact = f"what it says of {model_type!r} is not what its spec and findings say"
            yield Problem(Kind.DRIFT, catalogue.PATH, fact)


def _with_diffs(
    workspace: Workspace, problems: Sequence[Problem], templates: Templates, by_text: dict[str, Made]
) -> list[Problem]:
    """Return `problems` with the differences of the first few types, which are generated for it."""
    shown: list[str] = []
    answer = []
    for problem in problems:
        stem = problem.stem
        differs = bool(stem) and problem.kind in {Kind.DRIFT, Kind.HAND_EDIT, Kind.MISSING}
        if differs and stem not in shown:
            shown.append(stem)
        if not differs or stem not in shown[:MOST_DIFFS]:
            answer.append(problem)
            continue
        if stem not in by_text:
            by_text[stem] = make(workspace.spec_files(stem), templates)
        answer.append(replace(problem, diff=_diff(workspace, problem.path, by_text[stem])))
    return answer


def _diff(workspace: Workspace, path: str, made: Made) -> str:
    want = next((module.text for module in made.modules if module.path == path), "")
    have = (_raw(workspace.root / path) or b"").decode(errors="replace")
    lines = difflib.unified_diff(
        have.splitlines(keepends=True), want.splitlines(keepends=True), path, f"{path} (generated)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _notice(stamp: Stamp, stems: Iterable[str]) -> str:
    if all(stem in stamp.types for stem in stems):
        return ""
    return "digests do not tell whether this generator would write the same text; `check --full` does"


def _raw(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
