"""A module's text as definitions: what each top-level name means, without comments, docstrings and layout."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

from ipfs_accelerate_py.evidence.digests import digest

Chain = tuple[str, ...]  # a name and the attributes read from it: ("eager", "pretrained")

_SILENT = frozenset(
    {"annotation", "returns", "type_comment", "ctx", "kind"}
)  # fields that do nothing at run time


@dataclass(frozen=True)
class Target:
    """What an import binds: a name of a module, or with `name` None the module itself."""

    module: str
    name: str | None = None


@dataclass(frozen=True)
class Meaning:
    """What one definition says and what it uses."""

    said: str  # digest of the text, without what does not matter
    uses: frozenset[Chain]
    imports: Mapping[str, Target]  # made inside, by the names that they bind


class Source:
    """The definitions of one module."""

    def __init__(self, text: str, *, module: str, package: str) -> None:
        self.module = module
        self._package = package
        body = ast.parse(text).body
        self._statements = list(_statements(body))
        self._unrun = [inner for statement in body if _is_unrun(statement) for inner in statement.body]
        self._keys: dict[str, frozenset[str]] = {}
        self._meanings: dict[tuple[str, frozenset[str]], Meaning] = {}

    @cached_property
    def definitions(self) -> Mapping[str, Sequence[ast.stmt]]:
        """Return the statements that give each top-level name its value, in the order of the file."""
        found: dict[str, list[ast.stmt]] = {}
        for statement in self._statements:
            for name in dict.fromkeys(_bound(statement)):
                found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def imports(self) -> Mapping[str, Target]:
        """Return what each top-level import binds, without those that only type checkers run."""
        return {
            name: target
            for statement in self._statements
            for node in _within(statement)
            for name, target in _targets(node, self._package)
        }

    @cached_property
    def promised(self) -> Mapping[str, Target]:
        """Return where the names come from that the module's `__getattr__` makes on demand.

        Type checkers must know it too, so that it stands in the imports that only they run.
        """
        if "__getattr__" not in self.definitions:
            return {}
        return {name: target for node in self._unrun for name, target in _targets(node, self._package)}

    def meaning(self, name: str, own: frozenset[str]) -> Meaning:
        """Return what the definition of `name` says for the task and backend in `own` (empty: for all).

        In a table, that is a dictionary at the top level that has one of them among its keys, the other entries
        are left out.
        """
        chosen = own & self.keys(name)
        if (name, chosen) not in self._meanings:
            reader = _Reader(chosen, self._package)
            for statement in self.definitions[name]:
                reader.read_top(statement)
            said = digest("".join(reader.text))
            self._meanings[name, chosen] = Meaning(said, frozenset(reader.uses), dict(reader.imports))
        return self._meanings[name, chosen]

    def keys(self, name: str) -> frozenset[str]:
        """Return the keys of the dictionaries in the definition of `name`, each of which may choose an entry."""
        if name not in self._keys:
            self._keys[name] = frozenset(
                key.value
                for statement in self.definitions[name]
                for node in _within(statement)
                if isinstance(node, ast.Dict)
                for key in node.keys
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            )
        return self._keys[name]


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run: no docstrings, no `if TYPE_CHECKING`."""
    for statement in body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        if _is_unrun(statement):
            yield from _statements(statement.orelse)
            continue
        yield statement


def _is_unrun(statement: ast.stmt) -> TypeGuard[ast.If]:
    return isinstance(statement, ast.If) and _name(statement.test) == "TYPE_CHECKING"


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a top-level statement defines or changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in _within(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            base: ast.AST = node
            while isinstance(base, ast.Subscript | ast.Attribute):
                base = base.value
            if isinstance(base, ast.Name):
                yield base.id


def _within(statement: ast.AST) -> Iterator[ast.AST]:
    """Yield `statement` and what is in it, without the bodies of functions and classes."""
    yield statement
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for node in ast.iter_child_nodes(statement):
        if not isinstance(node, ast.comprehension):  # its variables are its own
            yield from _within(node)


def _targets(node: ast.AST, package: str) -> Iterator[tuple[str, Target]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            yield (alias.asname, Target(alias.name)) if alias.asname else (first, Target(first))
    elif isinstance(node, ast.ImportFrom):
        parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        module = ".".join([*parts, *([node.module] if node.module else [])])
        for alias in node.names:
            yield alias.asname or alias.name, Target(module, alias.name)


class _Reader:
    """Writes a tree down without what does not matter, and notes the names on the way."""

    def __init__(self, own: frozenset[str], package: str) -> None:
        self.text: list[str] = []
        self.uses: set[Chain] = set()
        self.imports: list[tuple[str, Target]] = []
        self._own = own
        self._package = package
        self._noted: set[int] = set()  # the inner nodes of chains that were noted as a whole
        self._quiet = 0  # inside an annotation: written down, its names not followed

    def read_top(self, statement: ast.stmt) -> None:
        """Read one top-level statement; only there dictionaries are tables."""
        is_definition = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        self._read(statement, table=not is_definition, in_class=False)

    def _read(self, node: Any, *, table: bool, in_class: bool) -> None:
        if isinstance(node, list):
            self.text.append("[")
            if node and isinstance(node[0], ast.stmt):
                node = list(_statements(node))
            for item in node:
                self._read(item, table=table, in_class=in_class)
            self.text.append("]")
            return
        if not isinstance(node, ast.AST):
            self.text.append(f"{type(node).__name__} {node!r},")
            return
        self._note(node)
        if table and isinstance(node, ast.Dict):
            node = self._pruned(node)
        self.text.append(f"{type(node).__name__}(")
        inside = isinstance(node, ast.ClassDef)
        for name, value in ast.iter_fields(node):
            if value is None or value == [] or self._silent(node, name, in_class=in_class):
                continue  # absent: the fields that a newer Python adds do not change what is written
            quiet = name == "annotation"
            self._quiet += quiet
            self.text.append(f"{name}=")
            self._read(value, table=table, in_class=inside and name == "body")
            self._quiet -= quiet
        self.text.append(")")

    @staticmethod
    def _silent(node: ast.AST, name: str, *, in_class: bool) -> bool:
        if name == "annotation" and isinstance(node, ast.AnnAssign) and in_class:
            return False  # the annotations of a class make the fields of a dataclass
        return name in _SILENT

    def _note(self, node: ast.AST) -> None:
        self.imports.extend(_targets(node, self._package))
        if self._quiet or id(node) in self._noted or not isinstance(node, ast.Name | ast.Attribute):
            return
        chain: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
            self._noted.add(id(inner))
        if isinstance(inner, ast.Name):
            self.uses.add((inner.id, *reversed(chain)))

    def _pruned(self, node: ast.Dict) -> ast.Dict:
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        if not all(isinstance(key, str) for key in keys) or not self._own.intersection(keys):
            return node
        kept = [place for place, key in enumerate(keys) if key in self._own]
        return ast.Dict(keys=[node.keys[i] for i in kept], values=[node.values[i] for i in kept])
