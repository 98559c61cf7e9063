"""What a raw template may hold: it is a Python file, and Jinja stands where Python sees comments and values.

- Control flow is a comment on a line of its own: `# % for`, `# % if`, `# % elif`, `# % else`, `# % set` and
  their ends.
- `{{ ... }}` stands where an expression may stand, and Python reads it as a set within a set. It may not
  stand in a string, docstring or comment, nor as an operand or a statement: it could change what is near.
- An expression names, compares and picks; it calls nothing, and `literal` is the only filter.

Each check answers with a line and what is wrong there, and a template with a problem is never used.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, TypeAlias

from jinja2 import TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import SandboxedEnvironment

from ipfs_accelerate_generator import prose
from ipfs_accelerate_generator.templates.sources import HARDWARE, SPINE, TASK, Template
from ipfs_accelerate_py.errors import unknown

STATEMENT: Final = "# %"
VARIABLES: Final = {
    SPINE: frozenset({"spec", "plan"}),
    TASK: frozenset({"spec", "plan", "head"}),
    HARDWARE: frozenset({"spec", "plan", "backend"}),
}

Problem: TypeAlias = tuple[int, str]

_STATEMENT_LIKE = re.compile(r"#\s*%")
_BARE = (
    "write a value as {{...}} without a space or line break between the braces, where an expression may stand"
)
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign, nodes.Name,
    nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.Test, nodes.CondExpr, nodes.Filter, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair,
)  # fmt: skip


def problems(template: Template, environment: SandboxedEnvironment) -> Iterator[Problem]:
    """Yield what is wrong with `template`, as lines and facts; nothing if it is well formed."""
    text = template.text
    for number, line in enumerate(text.split("\n"), 1):
        for opening in ("{%", "{#"):
            if opening in line:
                yield number, f"{opening!r} is not in the dialect; a statement is a comment: '{STATEMENT}'"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an escape that Python only warns of today
            tree = ast.parse(text)
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError) as error:
        place = getattr(error, "lineno", None) or 1
        fact = getattr(error, "msg", None) or str(error)
        yield place, f"is not valid Python as it stands: {fact}; a template must parse before it is rendered"
        return
    yield from _comments(tokens, prose.PLACEHOLDERS[template.kind])
    yield from _strings(tree, text, prose.PLACEHOLDERS[template.kind])
    yield from _values(tree, tokens, text)
    yield from _jinja(template, environment)


def _comments(tokens: list[tokenize.TokenInfo], placeholders: frozenset[str]) -> Iterator[Problem]:
    for token in tokens:
        if token.type != tokenize.COMMENT:
            continue
        line, column = token.start
        if "{{" in token.string:
            yield line, "'{{' in a comment; a value there is written $name"
        if _STATEMENT_LIKE.match(token.string):
            if not token.string.startswith(STATEMENT + " "):
                yield line, f"{token.string[:12]!r} is almost a statement; it begins with '{STATEMENT} '"
            elif token.line[:column].strip():
                yield line, f"'{STATEMENT}' after other code; a statement stands on a line of its own"
        elif fact := prose.misuse(token.string, placeholders):
            yield line, fact


def _strings(tree: ast.Module, text: str, placeholders: frozenset[str]) -> Iterator[Problem]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        ):
            for offset, line in enumerate(_source(node, text).split("\n")):
                if "{{" in line:
                    yield node.lineno + offset, "'{{' in a string; a docstring says $name, code joins values"
                if offset and line.lstrip().startswith(STATEMENT):
                    yield node.lineno + offset, f"'{STATEMENT}' in a string would be taken for a statement"
        match node:
            case ast.Expr(value=ast.Constant(value=str()) as string):
                if fact := prose.docstring_misuse(_source(string, text), placeholders):
                    yield node.lineno, fact


def _source(node: ast.expr, text: str) -> str:
    return ast.get_source_segment(text, node) or ""


def _values(tree: ast.Module, tokens: list[tokenize.TokenInfo], text: str) -> Iterator[Problem]:
    """Check that every `{{` of Jinja is a place where Python reads an expression that stands alone."""
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    lines = [line.encode() for line in text.split("\n")]
    places: set[tuple[int, int]] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Set(elts=[ast.Set(end_lineno=last, end_col_offset=end) as inner]):
                column = len(lines[node.lineno - 1][: node.col_offset].decode())
                begins = (inner.lineno, inner.col_offset) == (node.lineno, node.col_offset + 1)
                ends = (node.end_lineno, node.end_col_offset) == (last, (end or 0) + 1)
                if not (begins and ends):
                    yield node.lineno, _BARE
                elif _binds_closer(parents[node], node):
                    yield node.lineno, "a value as an operand or a statement; give it a name first"
                places.add((node.lineno, column))
    for first, second in pairwise(tokens):
        if first.string == second.string == "{" and first.end == second.start and first.start not in places:
            yield first.start[0], _BARE


def _binds_closer(parent: ast.AST, node: ast.Set) -> bool:
    """Whether what `parent` does to a value could go wrong with another value, such as a negative number."""
    if isinstance(parent, ast.Subscript):
        return parent.value is node
    return isinstance(parent, (ast.BinOp, ast.UnaryOp, ast.Attribute, ast.Expr))


def _jinja(template: Template, environment: SandboxedEnvironment) -> Iterator[Problem]:
    try:
        tree = environment.parse(template.text, template.name, template.where)
    except TemplateSyntaxError as error:
        yield error.lineno, f"Jinja cannot read it: {error.message}"
        return
    sound = True
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Filter) and node.name != "literal":
            yield node.lineno, f"filter {node.name!r}; there is 'literal' only, and properties do the rest"
            sound = False
        elif not isinstance(node, _ALLOWED):
            yield node.lineno, f"{type(node).__name__.lower()!r} is not in the dialect; write it in Python"
            sound = False
    if sound:
        known = VARIABLES[template.kind]
        for name in sorted(find_undeclared_variables(tree) - known):
            line = next(node.lineno for node in tree.find_all(nodes.Name) if node.name == name)
            yield line, str(unknown("variable", name, sorted(known)))
