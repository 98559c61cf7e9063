"""Values in docstrings and comments: `$name` stands for one, and none can end the docstring or comment.

In a docstring or comment of a template `$title` is replaced by what the plan says under "title"; `$$` is a
dollar sign. A name outside the closed list below is an error. A docstring that uses one is written in plain
triple double quotes without a backslash. A docstring line whose value is a list is repeated for each item,
and vanishes with an empty one; lines that become too long are wrapped at the indentation they have.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Final, TypeAlias

import libcst as cst

from ipfs_accelerate_generator.templates.sources import HARDWARE, SPINE, TASK
from ipfs_accelerate_py.errors import unknown

LINE_LENGTH: Final = 110

Prose: TypeAlias = Mapping[str, "str | tuple[str, ...]"]

_COMMON: Final = (
    "title",  # "BERT"
    "model_type",  # "bert"
    "family",  # "embedding"
    "modalities",  # what it is given: "text, image"
    "subfamily",  # "text-encoder"
    "config",  # "BertConfig"
    "origin",  # the module that defines it: "transformers"
    "tokens_field",  # the config field that limits the tokens: "max_position_embeddings"; "" without one
    "image_field",  # the same for an image: "image_size"
    "audio_field",  # the same for a sound
    "tasks",  # "feature-extraction (BertModel), fill-mask (BertForMaskedLM)"
    "backends",  # "cpu, cuda, openvino"
)
LISTS: Final = (
    "left_out",  # "fill-mask on openvino: largest difference 0.31, at most 0.001 allowed", and so on
    "expected_failures",  # the same, for what is offered although a test of it fails
    "variants",  # "fill-mask on openvino: route dynamo (the default route gave wrong logits)", and so on
    "plain",  # each task whose class is loaded with the plain form of attention
    "without_template",  # each task that the type has a head for and nobody wrote a template for
    "given",  # each task that is given arrays by name, and why: what no processor makes, or none that is proved
    "unproved",  # each task whose class the survey could not run, and why
)
_PLACES: Final = {
    SPINE: (),
    TASK: (
        "task",
        "model",
        "inputs",
        "output",
    ),  # "fill-mask", "BertForMaskedLM", "input_ids, attention_mask", "logits"
    HARDWARE: ("backend",),  # "openvino"; "" in what several backends share
}
PLACEHOLDERS: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset({*_COMMON, *LISTS, *own}) for kind, own in _PLACES.items()
}

PLACEHOLDER: Final = re.compile(r"\$(\$|[a-z][a-z0-9_]*|)")


def misuse(text: str, allowed: frozenset[str]) -> str | None:
    """Return what is wrong with the placeholders in `text`, or None."""
    for match in PLACEHOLDER.finditer(text):
        if match[1] == "":
            return "'$' is not followed by a name; write '$$' for a dollar sign"
        if match[1] != "$" and match[1] not in allowed:
            return str(unknown("placeholder", f"${match[1]}", [f"${name}" for name in sorted(allowed)]))
    return None


def docstring_misuse(quoted: str, allowed: frozenset[str]) -> str | None:
    """Return what is wrong with the docstring `quoted`, given as it stands in the source, or None."""
    if "$" not in quoted:
        return None
    if not quoted.startswith('"""') or "\\" in quoted:
        return 'a docstring with a \'$\' is written in plain """, without a backslash'
    for line in quoted.splitlines():
        if sum(match[1] in LISTS for match in PLACEHOLDER.finditer(line)) > 1:
            return "two lists on one line; give each its own line"
    return misuse(quoted, allowed)


def fill_comment(comment: str, values: Prose) -> str:
    """Return `comment` with its placeholders replaced: one line, whatever the values hold."""

    def value(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        found = values[match[1]]
        text = found if isinstance(found, str) else "; ".join(found)
        return _printable(text).replace("#", "\\x23")  # a value is not a tool's order

    return PLACEHOLDER.sub(value, comment)


def fill_docstring(quoted: str, values: Prose) -> str:
    """Return the docstring `quoted` with its placeholders replaced; it ends where it ended."""
    lines: list[str] = []
    for line in quoted[3:-3].split("\n"):
        lines += _fill_line(line, values, first=not lines)
    while len(lines) > 1 and not lines[-2].strip() and not lines[-1].strip():
        del lines[-2]  # a list that vanished at the end
    text = "\n".join(lines).replace('"""', r"\"\"\"")
    if text.endswith('"'):
        text = text[:-1] + r"\""
    return f'"""{text}"""'


def _fill_line(line: str, values: Prose, *, first: bool) -> list[str]:
    names = [match[1] for match in PLACEHOLDER.finditer(line) if match[1] != "$"]
    if not names and "$" not in line:
        return [line]
    lists = [name for name in names if isinstance(values[name], tuple)]
    items = values[lists[0]] if lists else ("",)
    filled: list[str] = []
    for item in items:

        def value(match: re.Match[str], item: str = item) -> str:
            if match[1] == "$":
                return "$"
            found = values[match[1]]
            return _printable(found if isinstance(found, str) else item).replace("\\", "\\\\")

        filled += _wrap(PLACEHOLDER.sub(value, line), first=first and not filled)
    return filled


def _wrap(line: str, *, first: bool) -> list[str]:
    quotes = 3 if first else 0
    if len(line) + quotes <= LINE_LENGTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    hanging = indent + ("  " if line.lstrip().startswith("- ") else "")
    width = LINE_LENGTH - quotes
    return textwrap.wrap(
        line.strip(),
        width,
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    """Return `text` on one line, with escapes for what cannot be seen."""
    line = " ".join(text.split())
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in line)


class Fill(cst.CSTTransformer):
    """Replaces the placeholders in the docstrings and comments of a tree."""

    def __init__(self, values: Prose) -> None:
        self._values = values

    def leave_Comment(  # noqa: D102, N802
        self, original_node: cst.Comment, updated_node: cst.Comment
    ) -> cst.Comment:
        if "$" not in updated_node.value:
            return updated_node
        return updated_node.with_changes(value=fill_comment(updated_node.value, self._values))

    def leave_SimpleStatementLine(  # noqa: D102, N802
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine:
        match updated_node.body:
            case [cst.Expr(value=cst.SimpleString(value=quoted) as string), *rest] if "$" in quoted:
                filled = string.with_changes(value=fill_docstring(quoted, self._values))
                return updated_node.with_changes(body=[cst.Expr(filled), *rest])
        return updated_node
