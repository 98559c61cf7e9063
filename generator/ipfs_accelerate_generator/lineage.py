"""Which of our own source files can shape a generated text: those that `make` imports, and what they import."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

import ipfs_accelerate_py
from ipfs_accelerate_generator.templates.sources import digest

_START: Final = "ipfs_accelerate_generator.make"
_ROOTS: Final = {
    "ipfs_accelerate_generator": Path(__file__).parent,
    "ipfs_accelerate_py": Path(str(ipfs_accelerate_py.__file__)).parent,
}
_LIBRARIES: Final = ("black", "jinja2", "libcst")
_FROM: Final = re.compile(r"^ *from (ipfs_accelerate_\w+)([\w.]*) import (\([^)]*\)|.*)$", re.MULTILINE)


@cache
def generator_digest() -> str:
    """Return the digest of what turns inputs into text: our sources, the libraries' versions, Python's."""
    parts = [path.read_bytes() for path in sources()]
    versions = [f"{name} {metadata.version(name)}".encode() for name in _LIBRARIES]
    return digest(*parts, *versions, ".".join(platform.python_version_tuple()[:2]).encode())


def sources() -> tuple[Path, ...]:
    """Return the files that take part in making a module, sorted by module name."""
    found: dict[str, Path] = {}
    waiting = [_START]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name not in found and path is not None:
            found[name] = path
            waiting += _imported(path.read_text())
    return tuple(found[name] for name in sorted(found))


def _imported(text: str) -> Iterator[str]:
    """Yield the modules of ours that a source text imports; names that are no module are sorted out later."""
    for package, rest, names in _FROM.findall(text):
        yield package + rest
        for name in re.findall(r"\w+", names):
            yield f"{package}{rest}.{name}"


def _file(name: str) -> Path | None:
    package, *rest = name.split(".")
    if package not in _ROOTS:
        return None
    place = _ROOTS[package].joinpath(*rest)
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)
