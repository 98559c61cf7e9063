"""Templates as immutable nouns: where one belongs in a module follows from its name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ipfs_accelerate_py.errors import AccelerateError, unknown

SUFFIX: Final = ".py.jinja"

SPINE, TASK, HARDWARE = "spine", "task", "hardware"
_KINDS: Final[Mapping[tuple[str, ...], str]] = {
    ("families",): SPINE,
    ("tasks",): TASK,
    ("hardware",): HARDWARE,
    ("tests",): SPINE,
    ("tests", "tasks"): TASK,
    ("tests", "hardware"): HARDWARE,
    ("web",): HARDWARE,
}


class TemplateError(AccelerateError, ValueError):
    """A template that cannot be used: file, line, fact and fix."""


class ComposeError(AccelerateError, ValueError):
    """Templates that disagree about the module that they make together."""


def digest(*parts: bytes) -> str:
    """Return twelve hex digits that change when any part changes."""
    sum_ = hashlib.sha256()
    for part in parts:
        sum_.update(len(part).to_bytes(8, "big"))
        sum_.update(part)
    return sum_.hexdigest()[:12]


@dataclass(frozen=True)
class Template:
    """One text that takes part in modules; `name` is its path below templates/: "tasks/fill_mask"."""

    name: str
    text: str
    path: str = ""
    """The file as messages call it."""

    def __post_init__(self) -> None:
        *folder, stem = self.name.split("/")
        if tuple(folder) not in _KINDS:
            known = ["/".join(parts) for parts in _KINDS]
            hint = unknown("folder", "/".join(folder), known)
            raise TemplateError(f"{self.where}: a template cannot live there: {hint}")
        if not (stem.isascii() and stem.isidentifier()):
            raise TemplateError(f"{self.where}: {stem!r} is not a Python name; rename the file")

    @property
    def where(self) -> str:
        """The file as messages call it."""
        return self.path or f"templates/{self.name}{SUFFIX}"

    @property
    def kind(self) -> str:
        """What it contributes: the spine of a module, a task's functions or a backend's."""
        return _KINDS[tuple(self.name.split("/")[:-1])]

    @cached_property
    def digest(self) -> str:
        """Twelve hex digits of the text."""
        return digest(self.text.encode())

    def error(self, line: int, fact: str) -> TemplateError:
        """Return the error that says `fact` about `line`."""
        return TemplateError(f"{self.where}:{line}: {fact}")


@dataclass(frozen=True)
class Templates:
    """The templates that a generation may use, by name; a workspace's own stand in for the shipped ones."""

    by_name: Mapping[str, Template]

    @classmethod
    def of(cls, templates: Iterable[Template]) -> Templates:
        """Return `templates` in the order of their names."""
        return cls({each.name: each for each in sorted(templates, key=lambda each: each.name)})

    def __contains__(self, name: str) -> bool:
        return name in self.by_name

    def __iter__(self) -> Iterator[Template]:
        return iter(self.by_name.values())

    def __getitem__(self, name: str) -> Template:
        """Return the template called `name`.

        Raises:
            UnknownName: there is none; the message offers the nearest names.
        """
        if name not in self.by_name:
            raise unknown("template", name, self.by_name)
        return self.by_name[name]
