"""Import statements as nouns, merged and written in the order that ruff and isort keep."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import libcst as cst

from ipfs_accelerate_generator.templates.sources import ComposeError

_FIRST_PARTY: Final = frozenset({"ipfs_accelerate_py", "ipfs_accelerate_skills", "ipfs_accelerate_generator"})
_LINE_LENGTH: Final = 110


@dataclass(frozen=True, order=True)
class Import:
    """One imported name: `from module import name as alias`; or `import module as alias`, with `name` ""."""

    module: str
    name: str = ""
    alias: str = ""

    @property
    def bound(self) -> str:
        """The name that the import defines."""
        return self.alias or self.name or self.module.split(".")[0]

    @property
    def section(self) -> int:
        """Where it stands: future, standard library, third party, ours or relative."""
        top = self.module.split(".")[0]
        if self.module == "__future__":
            return 0
        if (
            top in sys.stdlib_module_names
        ):  # the modules that templates use are in it in every supported Python
            return 1
        return 3 if top in _FIRST_PARTY or self.module.startswith(".") else 2


def imports_in(statement: cst.SimpleStatementLine) -> list[Import] | None:
    """Return what `statement` imports, or None if it is something else.

    Raises:
        ComposeError: it imports everything, or relative to a package that the module is not in.
    """
    found: list[Import] = []
    for small in statement.body:
        if isinstance(small, cst.Import):
            found += [Import(_dotted(each.name), "", _alias(each)) for each in small.names]
        elif isinstance(small, cst.ImportFrom):
            if small.relative or small.module is None:
                raise ComposeError("a relative import; name the whole module")
            if isinstance(small.names, cst.ImportStar):
                raise ComposeError("'import *'; name what is imported")
            module = _dotted(small.module)
            found += [Import(module, _dotted(each.name), _alias(each)) for each in small.names]
        else:
            return None
    return found


def source(imports: Iterable[Import], indent: str = "") -> str:
    """Return the statements for `imports`, each once, sorted, with a blank line between sections."""
    chosen = sorted(set(imports), key=lambda each: each.section)
    blocks = [
        "".join(_section(list(members), indent)) for _, members in groupby(chosen, lambda each: each.section)
    ]
    return "\n".join(blocks)


def statements(imports: Iterable[Import]) -> list[cst.SimpleStatementLine]:
    """Return the same as nodes, for the body of a function."""
    body = cst.parse_module(source(imports)).body
    return [node for node in body if isinstance(node, cst.SimpleStatementLine)]


def _section(imports: list[Import], indent: str) -> Iterator[str]:
    whole = sorted((each for each in imports if not each.name), key=lambda each: _natural(each.module))
    for each in whole:
        yield f"{indent}import {each.module}{_as(each)}\n"
    parts = sorted((each for each in imports if each.name), key=lambda each: _farthest(each.module))
    for module, members in groupby(parts, key=lambda each: each.module):
        ordered = sorted(members, key=_member)
        plain = [each for each in ordered if not each.alias]
        alone = [[each] for each in ordered if each.alias]  # isort gives an alias its own line
        lines = sorted([*([plain] if plain else []), *alone], key=lambda line: _member(line[0]))
        for together in lines:
            names = [each.name + _as(each) for each in together]
            line = f"{indent}from {module} import {', '.join(names)}\n"
            if len(line) > _LINE_LENGTH + 1:
                listed = "".join(f"{indent}    {name},\n" for name in names)
                line = f"{indent}from {module} import (\n{listed}{indent})\n"
            yield line


def _as(each: Import) -> str:
    return f" as {each.alias}" if each.alias else ""


def _farthest(module: str) -> tuple[int, str, str]:
    """Relative imports from the outermost package inwards, as isort has them."""
    inner = module.lstrip(".")
    return len(inner) - len(module), *_natural(inner)


def _natural(text: str) -> tuple[str, str]:
    return text.lower(), text


def _member(each: Import) -> tuple[int, str, str]:
    """Constants, then classes, then the rest, as isort's `order-by-type` has it."""
    name = each.name
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, *_natural(name)


def _dotted(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    assert isinstance(node, cst.Name)
    return node.value


def _alias(each: cst.ImportAlias) -> str:
    if each.asname is None or not isinstance(each.asname.name, cst.Name):
        return ""
    return each.asname.name.value
