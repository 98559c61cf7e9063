"""The commands of the program in the order of the loop, as the help shows them before they are loaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its line in the help, the extras that it needs, and where it comes from."""

    name: str
    summary: str
    extras: tuple[str, ...] = ()
    generator: bool = False
    """Whether the generator brings it; else it is the module of its name beside this one."""

    def missing(self) -> tuple[str, ...]:
        """Return the extras that it needs and that are not installed."""
        return tuple(extra for extra in self.extras if not _installed(extra))


COMMANDS: Final = (
    Command(
        "survey", "Read model types from the installed transformers.", ("generator", "torch"), generator=True
    ),
    Command("sync", "Take templates and specs into the template store.", ("generator",), generator=True),
    Command("generate", "Write skills and their tests from specs.", ("generator",), generator=True),
    Command(
        "check", "Find drift, hand edits and orphans in what was generated.", ("generator",), generator=True
    ),
    Command("tree", "Say how large the generated modules are and how alike.", ("generator",), generator=True),
    Command("test", "Run generated tests and observe what happens.", ("generator", "torch"), generator=True),
    Command("record", "Take observations into the database of results.", ("registry",)),
    Command("adopt", "Turn verdicts into findings for the next generation.", ("generator",), generator=True),
    Command("loop", "Do all of the above until nothing changes.", ("generator", "torch"), generator=True),
    Command("run", "Run a checkpoint on texts or images."),
    Command("show", "Say what a checkpoint offers, without loading weights."),
    Command("hardware", "Try every backend: what works here, what does not and why."),
    Command("coverage", "Say which model types work on which backends.", ("registry",)),
    Command("cache", "List, verify and prune the exported models."),
    Command(
        "vendor", "Write a skill as a folder that runs without this package.", ("generator",), generator=True
    ),
    Command("template", "Add, show, compare and restore templates.", ("generator",), generator=True),
)

# The modules by which an extra is recognised as installed.
EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "generator": ("black", "duckdb", "jinja2", "libcst", "pytest", "tomlkit"),
    "registry": ("duckdb", "pyarrow"),
    "torch": ("torch", "transformers"),
}


def _installed(extra: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in EXTRAS[extra])
