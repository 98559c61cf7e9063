"""One rendered template, taken apart: its docstring, its imports and its definitions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import black
import libcst as cst
from black.mode import TargetVersion

from ipfs_accelerate_generator import rename
from ipfs_accelerate_generator.imports import Import, imports_in
from ipfs_accelerate_generator.prose import Fill, Prose
from ipfs_accelerate_generator.rename import Rename, StandIns
from ipfs_accelerate_generator.templates.sources import ComposeError, Template

Statement: TypeAlias = cst.SimpleStatementLine | cst.BaseCompoundStatement

_MODE: Final = black.Mode(line_length=110, target_versions={TargetVersion.PY311})
_EXPECTED = "a template holds a docstring, imports, functions, classes and constants"


@dataclass(frozen=True)
class Definition:
    """A function, class or constant as formatted source; `tight` if no blank line goes before a constant."""

    name: str
    code: str
    is_constant: bool
    tight: bool


@dataclass(frozen=True)
class Fragment:
    """What one template contributes to a module. `type_imports` are those under `if TYPE_CHECKING`."""

    template: str
    docstring: str
    imports: tuple[Import, ...]
    type_imports: tuple[Import, ...]
    definitions: tuple[Definition, ...]


def fragment(template: Template, text: str, names: StandIns, values: Prose) -> Fragment:
    """Return the parts of `text`, which was rendered from `template`, with real classes and filled prose.

    Raises:
        ComposeError: `text` holds a statement that has no place in a module, or a stand-in without a class.
        TemplateError: `text` is not Python, although the template was.
    """
    try:
        apart = _apart(text)
        imports = tuple(rename.renamed(each, names) for each in apart.imports)
        type_imports = tuple(rename.renamed(each, names) for each in apart.type_imports)
        docstring = _finished(apart.docstring, names, values) if apart.docstring is not None else ""
        definitions = tuple(
            Definition(
                names.task_name(each.name), _finished(each, names, values), each.is_constant, each.tight
            )
            for each in apart.definitions
        )
    except cst.ParserSyntaxError as error:
        fact = f"what it renders to is not Python, in line {error.raw_line}: {error.message}"
        raise template.error(1, fact) from error
    except ComposeError as error:
        raise ComposeError(f"{template.where}: {error}") from error
    return Fragment(template.name, docstring, imports, type_imports, definitions)


@dataclass(frozen=True)
class _Piece:
    """A definition, or the docstring, as it was rendered."""

    node: Statement
    code: str
    name: str = ""
    is_constant: bool = False
    tight: bool = False


@dataclass(frozen=True)
class _Apart:
    docstring: _Piece | None
    imports: tuple[Import, ...]
    type_imports: tuple[Import, ...]
    definitions: tuple[_Piece, ...]


@lru_cache(maxsize=128)  # a tree takes about a megabyte; the templates that recur fit
def _apart(text: str) -> _Apart:
    """Return `text` taken apart; most templates render to the same text for many model types."""
    tree = cst.parse_module(text)
    docstring: _Piece | None = None
    imports: list[Import] = []
    type_imports: list[Import] = []
    definitions: list[_Piece] = []
    if any(line.comment for line in tree.footer):
        raise ComposeError("a comment after the last definition; put it before one")
    for place, node in enumerate(_with_header(tree)):
        if place == 0 and _is_docstring(node):
            docstring = _Piece(node, _code(node))
        elif (found := _imports(node)) is not None:
            imports += found
        elif isinstance(node, cst.If) and (found := _type_imports(node)) is not None:
            type_imports += found
        else:
            name, is_constant = _defined(node)
            tight = is_constant and bool(definitions) and all(line.comment for line in node.leading_lines)
            definitions.append(_Piece(node, _code(node), name, is_constant, tight))
    return _Apart(docstring, tuple(imports), tuple(type_imports), tuple(definitions))


def _code(node: Statement) -> str:
    return cst.Module(body=[node]).code


@lru_cache(maxsize=8192)
def _formatted(code: str) -> str:
    return black.format_str(code, mode=_MODE).strip("\n") + "\n"


def _finished(piece: _Piece, names: StandIns, values: Prose) -> str:
    """Return the formatted source of `piece`, with real classes and filled prose."""
    code, node = piece.code, piece.node
    if rename.used_in(code):
        node = _visited(node, Rename(names))
    if "$" in code:
        node = _visited(node, Fill(values))
    return _formatted(code if node is piece.node else _code(node))


def _visited(node: Statement, transformer: cst.CSTTransformer) -> Statement:
    done = node.visit(transformer)
    assert isinstance(done, (cst.SimpleStatementLine, cst.BaseCompoundStatement))
    return done


def _with_header(tree: cst.Module) -> list[Statement]:
    """Return the statements; comments right above the first definition are its own, not the file's."""
    body = list(tree.body)
    if not body or _is_docstring(body[0]) or _imports(body[0]) is not None:
        return body
    blanks = [place for place, line in enumerate(tree.header) if not line.comment]
    own = tree.header[blanks[-1] + 1 if blanks else 0 :]
    first = body[0]
    return [first.with_changes(leading_lines=[*own, *first.leading_lines]), *body[1:]]


def _is_docstring(node: Statement) -> bool:
    match node:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString())]):
            return True
    return False


def _imports(node: Statement) -> list[Import] | None:
    return imports_in(node) if isinstance(node, cst.SimpleStatementLine) else None


def _type_imports(node: cst.If) -> list[Import] | None:
    """Return what `if TYPE_CHECKING:` imports, or None if `node` is another condition."""
    if not (isinstance(node.test, cst.Name) and node.test.value == "TYPE_CHECKING" and node.orelse is None):
        return None
    found: list[Import] = []
    for inner in node.body.body:
        each = imports_in(inner) if isinstance(inner, cst.SimpleStatementLine) else None
        if each is None:
            raise ComposeError("'if TYPE_CHECKING:' holds something other than imports")
        found += each
    return found


def _defined(node: Statement) -> tuple[str, bool]:
    """Return the name that `node` defines, and whether it is a constant."""
    match node:
        case cst.FunctionDef(name=name) | cst.ClassDef(name=name):
            return name.value, False
        case cst.SimpleStatementLine(
            body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))])]
        ):
            return name, True
        case cst.SimpleStatementLine(
            body=[cst.AnnAssign(target=cst.Name(value=name), value=cst.BaseExpression())]
        ):
            return name, True
    code = _code(node).strip()
    raise ComposeError(f"the statement {code.splitlines()[0][:60]!r} has no place in a module; {_EXPECTED}")
