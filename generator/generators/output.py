"""The folder that a generator writes into: whole files, and nothing of a person's is lost."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ipfs_accelerate_generator import catalogue
from ipfs_accelerate_generator.module import Module, module, read_banner
from ipfs_accelerate_generator.sync import sync
from ipfs_accelerate_generator.templates.sources import Templates, digest
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.errors import UnknownName, WorkspaceError
from ipfs_accelerate_py.files import lock, write_if_changed
from ipfs_accelerate_py.skills.catalogue import FILE

log = logging.getLogger(__name__)

CONFTEST: Final = '''"""Lets these tests find the skills beside them, before those that are installed."""

import sys
from pathlib import Path

import ipfs_accelerate_skills

HERE = Path(__file__).parent
for skill in HERE.glob("hf_*.py"):
    if f"ipfs_accelerate_skills.{skill.stem}" in sys.modules:
        raise RuntimeError(f"another {skill.stem} is imported already: run these tests in a pytest of their own")
ipfs_accelerate_skills.__path__.insert(0, str(HERE))
'''


@dataclass(frozen=True)
class Written:
    """What a generator made: its files, and what was asked for and is not in them, with the reason."""

    files: tuple[Path, ...]
    lacking: Mapping[str, str] = field(default_factory=dict)


def surveyed(model_types: Iterable[str]) -> tuple[Workspace, tuple[str, ...]]:
    """Return the workspace in the current folder, and the file names of `model_types` in it.

    Raises:
        UnknownName: one of them was not surveyed; the message offers the nearest names.
    """
    workspace = Workspace.at()
    try:
        return workspace, workspace.chosen(model_types)
    except UnknownName as error:
        fix = (
            "a type of transformers that is not there yet is made known by: ipfs-accelerate survey MODEL_TYPE"
        )
        raise UnknownName(f"{error}; {fix}") from None


def templates_of(workspace: Workspace, database: Path) -> Templates:
    """Return the templates of `workspace`, its own over the package's, out of the store `database`.

    Raises:
        TemplateError: a template is not well formed; nothing was written.
        WorkspaceError: another process holds the store, or it cannot be written.
    """
    templates, changes = sync(workspace, workspace.root / database)
    if changes.notice:
        log.warning("%s", changes.notice)
    return templates


def own(made: Module, name: str, *, model_type: str, command: str, choices: str = "") -> Module:
    """Return `made` as the file `name` of a folder of its own; `choices` are what shaped it beside its inputs."""
    body = made.text.split("\n", 3)[3]
    inputs = digest(made.inputs.encode(), choices.encode()) if choices else made.inputs
    return module(name, body, model_type=model_type, inputs=inputs, command=command)


def write(folder: Path, made: Module) -> Path:
    """Write `made` into `folder` and return its path.

    Raises:
        WorkspaceError: the file there is a person's work, or it cannot be written.
    """
    path = folder / made.path
    if path.is_file() and (raw := path.read_bytes()) != made.text.encode():
        banner = read_banner(raw)
        if banner is None or not banner.is_intact:
            fact = "was edited by hand" if banner is not None else "was not generated"
            raise WorkspaceError(f"{path}: {fact}; move it away, and generate again")
    write_if_changed(path, made.text)
    return path


def write_conftest(folder: Path) -> Path:
    """Write what lets the tests in `folder` find the skills there.

    Raises:
        WorkspaceError: there is another one, or it cannot be written.
    """
    path = folder / "conftest.py"
    if path.is_file() and path.read_text(encoding="utf-8").splitlines()[:1] != CONFTEST.splitlines()[:1]:
        raise WorkspaceError(f"{path}: was not generated; choose another output_dir")
    write_if_changed(path, CONFTEST)
    return path


def write_catalogue(folder: Path, entries: Mapping[str, catalogue.Entry]) -> Path:
    """Add `entries` to the catalogue of `folder`, which lets `load` find the skills there.

    Raises:
        WorkspaceError: it cannot be read or written.
    """
    path = folder / FILE
    with lock(folder / f".{FILE}.lock"):
        before = catalogue.read(path)
        stems = frozenset(str(each["module"]).removeprefix("hf_") for each in {**before, **entries}.values())
        kept = catalogue.merged(before, entries, folder=folder, stems=stems)
        write_if_changed(path, catalogue.text(kept))
    return path
