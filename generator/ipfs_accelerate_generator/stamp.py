"""What this machine generated last and from what, so that the next run can skip what cannot have changed.

A stamp is only a memory: without it everything is generated again, to the same bytes. Beside the inputs it
covers the generator's own sources and the exact versions of the libraries that shape text. Banners do not, so
a refactoring that changes no output touches no generated file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ipfs_accelerate_generator.lineage import generator_digest
from ipfs_accelerate_generator.templates.sources import Template, digest
from ipfs_accelerate_generator.workspace import SpecFiles, Workspace
from ipfs_accelerate_py.files import write_if_changed

FILE: Final = "stamp.json"


@dataclass(frozen=True)
class Entry:
    """One model type as it was generated: from which inputs and templates, to which files with which digests.

    The last two are what the user was told about it: tasks without a template, or why there is no module.
    """

    inputs: str
    templates: tuple[str, ...]
    files: Mapping[str, str]
    untemplated: tuple[str, ...] = ()
    lacking: str = ""


@dataclass(frozen=True)
class Stamp:
    """What one generator made in one workspace."""

    generator: str
    catalogue: str = ""
    """Digest of the catalogue as it was written last."""
    types: Mapping[str, Entry] = field(default_factory=dict)

    def written(self) -> str:
        """Return the text of its file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


@dataclass(frozen=True)
class Inputs:
    """The digests of everything that a generation of one workspace may read, taken once."""

    templates: Mapping[str, str]
    """By name."""

    @classmethod
    def of(cls, templates: Iterable[Template]) -> Inputs:
        """Return the inputs with `templates` as the folders hold them."""
        return cls({each.name: each.digest for each in templates})

    def of_type(self, files: SpecFiles, used: Iterable[str]) -> str:
        """Return the digest of what shapes a type: its files, the templates `used`, and which exist."""
        names = " ".join(sorted(self.templates)).encode()
        return digest(files.digest.encode(), names, *(self.templates.get(name, "").encode() for name in used))


def read_stamp(workspace: Workspace) -> Stamp:
    """Return the stamp of `workspace`; an empty one if there is none, or a damaged or foreign one."""
    none = Stamp(generator_digest())
    try:
        said: Any = json.loads((workspace.state / FILE).read_bytes())
        if said["generator"] != none.generator:
            return none
        types = {
            stem: Entry(
                entry["inputs"],
                tuple(entry["templates"]),
                dict(entry["files"]),
                tuple(entry["untemplated"]),
                str(entry["lacking"]),
            )
            for stem, entry in said["types"].items()
        }
        return Stamp(said["generator"], said["catalogue"], types)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return none  # a memory that cannot be read is no memory


def is_current(workspace: Workspace, entry: Entry | None, files: SpecFiles, inputs: Inputs) -> bool:
    """Whether what `entry` remembers still holds: the same inputs, and the files as they were written."""
    if entry is None or entry.inputs != inputs.of_type(files, entry.templates):
        return False
    return all(file_digest(workspace.root / path) == sum_ for path, sum_ in entry.files.items())


def file_digest(path: Path) -> str | None:
    """Return the digest of a file, or None if there is none."""
    try:
        return digest(path.read_bytes())
    except OSError:
        return None


def write_stamp(workspace: Workspace, stamp: Stamp) -> None:
    """Remember `stamp`.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    write_if_changed(workspace.state / FILE, stamp.written())
