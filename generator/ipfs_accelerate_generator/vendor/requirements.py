"""What a vendored folder must find installed, as this package's own metadata say it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Final

from ipfs_accelerate_generator.vendor.needed import RUNTIME
from ipfs_accelerate_py.errors import WorkspaceError

ALWAYS: Final = ("numpy", "filelock")

_REQUIREMENT: Final = re.compile(r"([\w.-]+)([^;]*)(?:; extra == '(\w+)')?")


@dataclass(frozen=True)
class Requirement:
    """A distribution and the versions of it that do."""

    name: str
    versions: str

    def __str__(self) -> str:
        return self.name + self.versions


@cache
def by_extra() -> Mapping[str, tuple[Requirement, ...]]:
    """Return the requirements of each extra of this package, and under "" those of the package without extras.

    Raises:
        WorkspaceError: the package was not installed, so that it has no metadata.
    """
    found: dict[str, list[Requirement]] = {}
    for line in _distribution().requires or ():
        match = _REQUIREMENT.fullmatch(line)
        if match is not None:
            found.setdefault(match[3] or "", []).append(Requirement(match[1], match[2].strip()))
    return {extra: tuple(each) for extra, each in found.items()}


def always() -> tuple[Requirement, ...]:
    """Return what every vendored folder needs."""
    return tuple(each for each in by_extra()[""] if each.name in ALWAYS)


def words() -> dict[str, str]:
    """Return what to tell pip in the place of each extra: the names alone, for they stand within messages."""
    return {extra: " ".join(each.name for each in needed) for extra, needed in by_extra().items() if extra}


def license_text() -> str:
    """Return the licence of this package.

    Raises:
        WorkspaceError: the package was not installed, so that it has no metadata.
    """
    text = _distribution().read_text("licenses/LICENSE")
    if text is None:
        raise WorkspaceError(f"the metadata of {RUNTIME} hold no licence; install it again with pip")
    return text


def _distribution() -> metadata.Distribution:
    try:
        return metadata.distribution(RUNTIME)
    except metadata.PackageNotFoundError as error:
        raise WorkspaceError(f"{RUNTIME} has no metadata; install it with pip, be it with -e") from error
