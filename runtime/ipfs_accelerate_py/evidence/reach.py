"""What a definition can reach in this package's own files: followed over syntax trees, never imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ipfs_accelerate_py.evidence.syntax import Chain, Source, Target

PACKAGE = "ipfs_accelerate_py"
START = ""  # the name of the module that one starts from, so that a copy elsewhere reaches the same

Own = frozenset[str]  # the task and backend whose entries of a table are followed; empty: all


@dataclass(frozen=True)
class Reached:
    """Definitions, one line each, and the keys of the tables among them."""

    lines: frozenset[str]
    keys: frozenset[str]


def reached(start: Source, names: Iterable[str], own: Own, runtime: Path) -> list[str]:
    """Return one line for each definition that `names` of the module `start` reach, there and under `runtime`."""
    walk = _Walk(own, runtime, start)
    walk.go((START, name) for name in names)
    return sorted(walk.lines)


@lru_cache(maxsize=65536)
def _closure(module: str, name: str, own: Own, runtime: Path) -> Reached:
    """Return what one definition of the package reaches; hundreds of skills reach the same few."""
    if own:
        of_all = _closure(module, name, frozenset(), runtime)
        if not own & of_all.keys:
            return of_all
    walk = _Walk(own, runtime)
    walk.go([(module, name)])
    return Reached(frozenset(walk.lines), frozenset(walk.keys))


class _Walk:
    def __init__(self, own: Own, runtime: Path, start: Source | None = None) -> None:
        self.lines: set[str] = set()
        self.keys: set[str] = set()
        self._own = own
        self._runtime = runtime
        self._start = start
        self._seen: set[tuple[str, str]] = set()
        self._waiting: list[tuple[str, str]] = []

    def go(self, places: Iterable[tuple[str, str]]) -> None:
        """Follow everything from `places` (module, name) on."""
        self._waiting += places
        while self._waiting:
            place = self._waiting.pop()
            if place in self._seen:
                continue
            self._seen.add(place)
            if self._start is not None and place[0] != START:
                self.lines |= _closure(*place, self._own, self._runtime).lines
            else:
                self._visit(*place)

    def _visit(self, module: str, name: str) -> None:
        """Note what a top-level name of a module says; what it uses is put on the list."""
        source = self._source(module)
        if source is None:
            return
        if name not in source.definitions:
            if "__getattr__" in source.definitions:  # made on demand: any of the module's texts may matter
                self._waiting += [(module, other) for other in source.definitions]
            return
        meaning = source.meaning(name, self._own)
        self.lines.add(f"{module} {name} {meaning.said}")
        self.keys |= source.keys(name)
        for first, *attributes in meaning.uses:
            if first in meaning.imports:
                self._follow(meaning.imports[first], tuple(attributes))
            elif first in source.definitions:
                self._waiting.append((module, first))
            elif first in source.imports:
                self._import(source, first, tuple(attributes))

    def _import(self, source: Source, name: str, attributes: Chain) -> None:
        """Note what an import at the top of a module binds to `name`, and follow it."""
        target = source.imports[name]
        line = f"{source.module} {name} import {target.module} {target.name}"
        if line not in self.lines or attributes:
            self.lines.add(line)
            self._follow(target, attributes)

    def _follow(self, target: Target, attributes: Chain) -> None:
        """Put on the list what an import and the attributes read from it stand for in this package."""
        source = self._source(target.module)
        if source is None:
            return
        if target.name is None and not attributes:
            # The module as a value: whatever it holds may be read from it.
            self._waiting += [(target.module, name) for name in source.definitions]
            return
        name, *rest = attributes if target.name is None else (target.name, *attributes)
        if name in source.definitions:
            self._waiting.append((target.module, name))
        elif name in source.imports:
            self._import(source, name, tuple(rest))
        elif name in source.promised:
            self._follow(source.promised[name], tuple(rest))
        elif self._source(f"{target.module}.{name}") is not None:
            self._follow(Target(f"{target.module}.{name}"), tuple(rest))
        else:
            self._waiting.append((target.module, name))

    def _source(self, module: str) -> Source | None:
        return self._start if module == START else _source(module, self._runtime)


@lru_cache(maxsize=1024)
def _source(module: str, runtime: Path) -> Source | None:
    """Return a module of this package, parsed once; None where there is no file."""
    if module.partition(".")[0] != PACKAGE:
        return None
    stem = runtime.joinpath(*module.split(".")[1:])
    parent = module.rpartition(".")[0]
    for path, package in ((stem / "__init__.py", module), (stem.with_suffix(".py"), parent)):
        if path.is_file():
            return Source(path.read_text(), module=module, package=package)
    return None
