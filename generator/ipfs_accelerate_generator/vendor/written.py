"""The text of a module cut to what is needed, with imports that are relative to where it goes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Final

import libcst as cst

from ipfs_accelerate_generator.imports import Import, imports_in, source, statements
from ipfs_accelerate_generator.vendor.needed import RUNTIME, Needed, Source
from ipfs_accelerate_generator.vendor.uses import Target

FOLDER: Final = "_runtime"  # of the runtime's modules, within a vendored folder

_EXTRA: Final = re.compile(rf"'?{RUNTIME}\[([\w,]+)\]'?")
_BLANK_LINES: Final = 2  # around a function or class


def parts(module: str) -> tuple[str, ...]:
    """Return where a module goes: the names that lead to it from the top of a vendored folder."""
    top, *inner = module.split(".")
    return (FOLDER, *inner) if top == RUNTIME else (top, *inner)


def written(module: Source, needed: Needed, extras: Mapping[str, str]) -> str:
    """Return the text of a module with what is needed of it.

    `extras` says what pip is told to install in the place of each of the package's extras.
    """
    rewriter = _Rewriter(module, needed, extras)
    docstring = module.code(0) if module.statements and module.is_remark(0) else ""
    pieces = [docstring, "from __future__ import annotations\n", *_imports(module, needed)]
    text = "\n".join(piece for piece in pieces if piece)
    before: ast.stmt | None = None
    for place in needed.places(module):
        statement, code = module.statements[place], module.code(place)
        stripped = code.lstrip("\n")
        blank = len(code) - len(stripped)
        if _is_large(statement) or (before is not None and _is_large(before)):
            blank = _BLANK_LINES
        elif before is None:
            blank = 1
        text += "\n" * blank + (_rewritten(stripped, rewriter) if RUNTIME in stripped else stripped)
        before = statement
    return text


def extras_named(needed: Needed) -> set[str]:
    """Return the extras of the package that what is needed tells its users to install."""
    code = "".join(source.code(place) for source in needed.sources for place in needed.places(source))
    return {name for found in _EXTRA.findall(code) for name in found.split(",")}


def _rewritten(code: str, rewriter: _Rewriter) -> str:
    return cst.parse_module(code).visit(rewriter).code


def _is_large(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _imports(module: Source, needed: Needed) -> list[str]:
    """Return the imports that the kept statements use: those that run, and those for type checkers."""
    used = {
        use.name for place in needed.places(module) for use in module.uses[place] if use.target is None
    } & module.imports.keys()
    for_types = {name for name in used if name in module.type_imports}
    whole = (used - for_types) & module.whole_imports.keys()
    runs = _moved(module, needed, {name: module.imports[name] for name in used - for_types - whole})
    runs += [Import(each) for name in whole for each in module.whole_imports[name]]
    if for_types:
        runs.append(Import("typing", "TYPE_CHECKING"))
    pieces = [source(runs)] if runs else []
    if for_types:
        names = {name: module.imports[name] for name in for_types}
        pieces.append("if TYPE_CHECKING:\n" + source(_moved(module, needed, names), "    "))
    return pieces


def _moved(module: Source, needed: Needed, names: Mapping[str, Target]) -> list[Import]:
    """Return the imports that bind `names` in the vendored module."""
    return [_moved_one(module, needed, name, target) for name, target in sorted(names.items())]


def _moved_one(module: Source, needed: Needed, name: str, target: Target) -> Import:
    home = needed.home(module, target)
    if home is None:
        last = target.name or target.module
        return Import(target.module, target.name, "" if name == last.split(".")[0] else name)
    *above, last = (*parts(home.module), home.name) if home.name else parts(home.module)
    return Import(_relative(module, above), last, "" if name == last else name)


def _relative(module: Source, to: Iterable[str]) -> str:
    """Return how a module names the module that the names `to` lead to."""
    here = [*parts(module.name)] if module.is_package else [*parts(module.name)][:-1]
    there = [*to]
    common = 0
    while common < min(len(here), len(there)) and here[common] == there[common]:
        common += 1
    return "." * (len(here) - common + 1) + ".".join(there[common:])


class _Rewriter(cst.CSTTransformer):
    """Turns imports of the runtime into relative ones, and its extras into the libraries that they stand for."""

    def __init__(self, module: Source, needed: Needed, extras: Mapping[str, str]) -> None:
        super().__init__()
        self._module = module
        self._needed = needed
        self._extras = extras

    def leave_SimpleStatementLine(  # noqa: N802  # libcst dispatches on these names
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.BaseStatement]:
        found = imports_in(original_node)
        if found is None or not any(each.module.partition(".")[0] == RUNTIME for each in found):
            return updated_node
        moved = [
            _moved_one(self._module, self._needed, each.bound, Target(each.module, each.name))
            for each in found
        ]
        first, *others = statements(moved)
        return cst.FlattenSentinel([first.with_changes(leading_lines=updated_node.leading_lines), *others])

    def leave_SimpleString(  # noqa: N802
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.SimpleString:
        return updated_node.with_changes(value=self._said(updated_node.value))

    def leave_FormattedStringText(  # noqa: N802
        self, original_node: cst.FormattedStringText, updated_node: cst.FormattedStringText
    ) -> cst.FormattedStringText:
        return updated_node.with_changes(value=self._said(updated_node.value))

    def _said(self, text: str) -> str:
        return _EXTRA.sub(self._libraries, text)

    def _libraries(self, found: re.Match[str]) -> str:
        words = [word for extra in found[1].split(",") for word in self._extras[extra].split()]
        return " ".join(dict.fromkeys(words))
