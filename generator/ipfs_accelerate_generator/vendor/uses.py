"""Which names a statement reads from outside itself, by Python's own rules of scope."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Scope = Mapping[str, "Target | None"]  # what a function binds itself; a target where it imports

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_INNER = (*_FUNCTIONS, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Target:
    """What an import binds: a name of a module, or with `name` "" the module itself."""

    module: str
    name: str = ""


@dataclass(frozen=True)
class Use:
    """A name that is read, and the attribute that is read from it, if any.

    `target` is what an import within the statement binds to it; without one the name is the module's or built in.
    """

    name: str
    attribute: str = ""
    target: Target | None = None


def uses(statement: ast.stmt) -> frozenset[Use]:
    """Return what `statement` reads from outside itself, annotations included, and what is imported inside."""
    reader = _Reader()
    reader.visit(statement)
    return frozenset(reader.found)


def imported(node: ast.AST) -> Iterator[tuple[str, Target]]:
    """Yield what an import statement binds: names and what they stand for; nothing for another statement."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            yield (alias.asname, Target(alias.name)) if alias.asname else (first, Target(first))
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name, Target("." * node.level + (node.module or ""), alias.name)


def bound(statement: ast.stmt) -> frozenset[str]:
    """Return the names that a statement gives a value, or changes, where it stands; imports left out."""
    return frozenset(name for node in _here(statement) for name in (*_named(node), *_changed(node)))


def _here(node: ast.AST) -> Iterator[ast.AST]:
    """Yield `node` and what is in it and in its scope: an inner function itself, but not what is in it."""
    yield node
    for child in ast.iter_child_nodes(node) if not isinstance(node, _INNER) else ():
        yield from _here(child)


def _named(node: ast.AST) -> Iterator[str]:
    """Yield the name that a node binds, if it does."""
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name


def _changed(node: ast.AST) -> Iterator[str]:
    """Yield the name whose value a node changes from within, as `TABLE["x"] = 1` does."""
    if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        inner: ast.AST = node
        while isinstance(inner, ast.Subscript | ast.Attribute):
            inner = inner.value
        if isinstance(inner, ast.Name):
            yield inner.id


def _local(body: list[ast.stmt]) -> dict[str, Target | None]:
    """Return what the statements of a function bind."""
    nodes = [node for statement in body for node in _here(statement)]
    names: dict[str, Target | None] = {name: None for node in nodes for name in _named(node)}
    for node in nodes:
        names.update(imported(node))
    return names


class _Reader(ast.NodeVisitor):
    def __init__(self) -> None:
        self.found: set[Use] = set()
        self._scopes: list[Scope] = []

    def visit_Name(self, node: ast.Name) -> None:  # ast dispatches on these names
        if not isinstance(node.ctx, ast.Store):
            self._read(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name):
            self._read(node.value.id, node.attr)
        else:
            self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and node.value.isidentifier():  # it may be an annotation in quotes
            self.found.add(Use(f'"{node.value}"'))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for outside in (*node.decorator_list, node.returns):
            if outside is not None:
                self.visit(outside)
        self._function(node.args, node.body, _local(node.body))

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node.args, [node.body], {})

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._comprehension(node.generators, node.elt)

    visit_SetComp = visit_ListComp  # noqa: N815
    visit_GeneratorExp = visit_ListComp  # noqa: N815

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node.generators, node.key, node.value)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.found |= {Use(name, target=target) for name, target in imported(node)}

    def _function(
        self, given: ast.arguments, body: list[ast.stmt] | list[ast.expr], local: dict[str, Target | None]
    ) -> None:
        each = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        parameters = [one for one in each if one is not None]
        for outside in (*given.defaults, *given.kw_defaults, *(one.annotation for one in parameters)):
            if outside is not None:
                self.visit(outside)
        self._within({**local, **dict.fromkeys(one.arg for one in parameters)}, *body)

    def _comprehension(self, generators: list[ast.comprehension], *results: ast.expr) -> None:
        names = {
            node.id
            for each in generators
            for node in ast.walk(each.target)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        self.visit(generators[0].iter)  # the first is evaluated outside
        inside = [each.iter for each in generators[1:]] + [test for each in generators for test in each.ifs]
        self._within(dict.fromkeys(names), *inside, *results)

    def _within(self, scope: Scope, *nodes: ast.AST) -> None:
        self._scopes.append(scope)
        for node in nodes:
            self.visit(node)
        self._scopes.pop()

    def _read(self, name: str, attribute: str = "") -> None:
        for scope in reversed(self._scopes):
            if name in scope:
                target = scope[name]
                if target is not None:
                    self.found.add(Use(name, attribute, target))
                return
        self.found.add(Use(name, attribute))
