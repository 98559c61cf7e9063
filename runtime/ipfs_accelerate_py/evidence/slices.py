"""The text under test: what one task on one backend of a module can reach, here and in this package."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from ipfs_accelerate_py.errors import unknown
from ipfs_accelerate_py.evidence.cells import ANY, EvidenceError
from ipfs_accelerate_py.evidence.digests import digest
from ipfs_accelerate_py.evidence.syntax import Chain, Meaning, Source, Target

PACKAGE = "ipfs_accelerate_py"
RUNTIME = Path(__file__).resolve().parents[1]

_SKILL = ""  # the name under which the module itself is known, so that a copy elsewhere has the same digest

Place = tuple[str, str]  # (module, top-level name)


def slice_digest(
    source: str, task: str, backend: str, versions: Mapping[str, str], *, runtime: Path = RUNTIME
) -> str:
    """Return twelve hexadecimal digits for what `task` on `backend` of the module `source` runs.

    They change with the functions, constants and classes that are reached from the task's functions and entry
    in `HEADS` and from the backend's loader and exporter, in the module and in this package's own files under
    `runtime`, and with `versions`. They do not change with comments, docstrings, annotations and layout, nor
    with another task or backend. `task` and `backend` may be `*`: all of them.

    Raises:
        UnknownName: the module has no such task or no loader for such a backend.
    """
    return _slice(source, task, backend, tuple(sorted(versions.items())), runtime)


def suite_digest(source: str, *, runtime: Path = RUNTIME) -> str:
    """Return twelve hexadecimal digits for what the tests in `source` run, but for the module under test."""
    return _whole(source, runtime)


@lru_cache(maxsize=4096)
def _slice(source: str, task: str, backend: str, versions: tuple[tuple[str, str], ...], runtime: Path) -> str:
    skill = _skill(source)
    roots = list(_roots(skill, task, backend))
    reached = _Walk(skill, runtime, task, backend).reach(roots)
    return digest("\n".join([*reached, *(f"{name} {version}" for name, version in versions)]))


@lru_cache(maxsize=64)
def _whole(source: str, runtime: Path) -> str:
    module = _skill(source)
    return digest("\n".join(_Walk(module, runtime, ANY, ANY).reach(list(module.definitions))))


@lru_cache(maxsize=64)
def _skill(source: str) -> Source:
    return Source(source, module=_SKILL, package=_SKILL)


def _roots(skill: Source, task: str, backend: str) -> Iterator[str]:
    loaders = [name.removeprefix("load_") for name in skill.definitions if name.startswith("load_")]
    if backend != ANY and backend not in loaders:
        raise unknown("backend", backend, loaders)
    heads = _heads(skill)
    if task != ANY and task not in heads:
        raise unknown("task", task, heads)
    if task == backend == ANY:
        yield from skill.definitions
        return
    names = ["HEADS"]
    for one in loaders if backend == ANY else [backend]:
        names += [f"load_{one}", f"export_{one}"]
    for one in heads if task == ANY else [task]:
        stem = one.replace("-", "_")
        names += [stem, f"{stem}_model", f"{stem}_graph"]
    yield from (name for name in names if name in skill.definitions)


def _heads(skill: Source) -> list[str]:
    """Return the tasks of the module: the keys of its dictionary `HEADS`."""
    for statement in skill.definitions.get("HEADS", ()):
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Dict):
            return [str(key.value) for key in value.keys if isinstance(key, ast.Constant)]
    raise EvidenceError("the module has no dictionary HEADS at its top level, which names its tasks")


class _Walk:
    """Follows names from a module into the files of this package."""

    def __init__(self, skill: Source, runtime: Path, task: str, backend: str) -> None:
        self._skill = skill
        self._runtime = runtime
        self._task = None if task == ANY else task
        self._backend = None if backend == ANY else backend
        self._texts: dict[Place, str] = {}
        self._imports: dict[Place, str] = {}
        self._waiting: list[Place] = []

    def reach(self, roots: list[str]) -> list[str]:
        """Return one text for each definition that is reached, in the order of their names."""
        self._waiting += [(_SKILL, name) for name in roots]
        while self._waiting:
            place = self._waiting.pop()
            if place not in self._texts:
                self._texts[place] = self._visit(*place)
        found = sorted((self._texts | self._imports).items())
        return [f"{module} {name} {text}" for (module, name), text in found if text]

    def _visit(self, module: str, name: str) -> str:
        """Return what a top-level name of a module says; what it uses is put on the list."""
        source = self._source(module)
        if source is None:
            return ""
        if name not in source.definitions:
            if "__getattr__" in source.definitions:  # made on demand: any of the module's texts may matter
                self._waiting += [(module, other) for other in source.definitions]
            return ""
        meaning = self._meaning(module, name)
        local = dict(meaning.imports)
        for first, *attributes in meaning.uses:
            if first in local:
                self._follow(local[first], tuple(attributes))
            elif first in source.definitions:
                self._waiting.append((module, first))
            elif first in source.imports:
                self._import(module, first, tuple(attributes))
        return meaning.text

    def _import(self, module: str, name: str, attributes: Chain) -> None:
        """Note which module or name an import at the top of `module` binds to `name`, and follow it."""
        source = self._source(module)
        assert source is not None  # its import was found
        target = source.imports[name]
        self._imports[module, name] = f"import {target.module} {target.name}"
        self._follow(target, attributes)

    def _follow(self, target: Target, attributes: Chain) -> None:
        """Put on the list what an import and the attributes read from it stand for in this package."""
        module, name = target.module, target.name
        if name is None and attributes:
            name, *rest = attributes
        elif name is not None:
            rest = list(attributes)
        else:  # a module as a value: whatever it holds may be read from it
            handed_on = self._source(module)
            self._waiting += [(module, other) for other in (handed_on.definitions if handed_on else ())]
            return
        source = self._source(module)
        if source is not None and name not in source.definitions:
            if name in source.imports:
                if (module, name) not in self._imports or rest:
                    self._import(module, name, tuple(rest))
                return
            if self._source(f"{module}.{name}") is not None:
                self._follow(Target(f"{module}.{name}"), tuple(rest))
                return
        self._waiting.append((module, name))

    def _meaning(self, module: str, name: str) -> Meaning:
        if module == _SKILL:
            return self._skill.meaning(name, self._task, self._backend)
        return _meaning(module, self._runtime, name, self._task, self._backend)

    def _source(self, module: str) -> Source | None:
        return self._skill if module == _SKILL else _source(module, self._runtime)


@lru_cache(maxsize=1024)
def _source(module: str, runtime: Path) -> Source | None:
    """Return a module of this package, parsed once and never imported; None where there is no file."""
    if module.partition(".")[0] != PACKAGE:
        return None
    stem = runtime.joinpath(*module.split(".")[1:])
    for path, package in (
        (stem / "__init__.py", module),
        (stem.with_suffix(".py"), module.rpartition(".")[0]),
    ):
        if path.is_file():
            return Source(path.read_text(), module=module, package=package)
    return None


@lru_cache(maxsize=65536)
def _meaning(module: str, runtime: Path, name: str, task: str | None, backend: str | None) -> Meaning:
    source = _source(module, runtime)
    assert source is not None  # the walk has found the name in it
    return source.meaning(name, task, backend)
