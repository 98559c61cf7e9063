"""The text under test: what one task on one backend of a module can reach, here and in this package."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from ipfs_accelerate_py.errors import unknown
from ipfs_accelerate_py.evidence.cells import ANY, EvidenceError
from ipfs_accelerate_py.evidence.digests import digest
from ipfs_accelerate_py.evidence.reach import START, reached
from ipfs_accelerate_py.evidence.syntax import Source

RUNTIME = Path(__file__).resolve().parents[1]


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
    own = frozenset({task, backend} - {ANY})
    lines = reached(skill, _roots(skill, task, backend), own, runtime)
    return digest("\n".join([*lines, *(f"{name} {version}" for name, version in versions)]))


@lru_cache(maxsize=64)
def _whole(source: str, runtime: Path) -> str:
    suite = _skill(source)
    return digest("\n".join(reached(suite, suite.definitions, frozenset(), runtime)))


@lru_cache(maxsize=64)
def _skill(source: str) -> Source:
    return Source(source, module=START, package=START)


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
