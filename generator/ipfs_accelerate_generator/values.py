"""Checks that a value from a file is what it claims to be: an identifier, a short text, a plain literal."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable, Mapping
from typing import Final, NoReturn, TypeAlias

from ipfs_accelerate_py.errors import AccelerateError

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value]"
"""What TOML and JSON can both say; lists stay lists because config classes check for them."""

MOST_VALUES: Final = 4096
MOST_LEVELS: Final = 8
LONGEST_TEXT: Final = 200
LARGEST_INT: Final = 2**63 - 1  # what TOML promises to keep


class SpecError(AccelerateError, ValueError):
    """A spec or finding that is not well formed; `key` leads to the value at fault."""

    def __init__(self, message: str, *, key: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.key = key


def refuse(key: str, fact: str, *deeper: str | int) -> NoReturn:
    """Raise the error that says `fact` about the value under `key`."""
    raise SpecError(fact, key=(key, *deeper))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def check_text(key: str, value: object, *, longest: int = LONGEST_TEXT) -> None:
    """Refuse `value` unless it is one line of printable text of at most `longest` characters."""
    if not isinstance(value, str):
        refuse(key, f"{key} is {_shown(value)}; give a text in quotes")
    if not value or not value.isprintable() or len(value) > longest:
        refuse(key, f"{key} is {_shown(value)}; give one printable line of 1 to {longest} characters")


def check_pattern(key: str, value: object, pattern: re.Pattern[str], what: str) -> None:
    """Refuse `value` unless it is a text that `pattern` matches from end to end."""
    check_text(key, value)
    if not pattern.fullmatch(str(value)):
        refuse(key, f"{key} {_shown(value)} is not {what}")


def check_identifier(key: str, value: object) -> None:
    """Refuse `value` unless it is an ASCII Python name that is not a keyword."""
    check_text(key, value)
    text = str(value)
    if not (text.isascii() and text.isidentifier()) or keyword.iskeyword(text):
        refuse(key, f"{key} {_shown(value)} is not a Python name")


def check_dotted(key: str, value: object) -> None:
    """Refuse `value` unless it is Python names joined by dots, such as "transformers.models.bert"."""
    check_text(key, value)
    for part in str(value).split("."):
        if not (part.isascii() and part.isidentifier()) or keyword.iskeyword(part):
            refuse(key, f"{key} {_shown(value)} is not a dotted Python name")


def check_names(
    key: str, value: object, check: Callable[[str, object], None], *, may_be_empty: bool = False
) -> None:
    """Refuse `value` unless it is a tuple of different texts that each pass `check`."""
    if not isinstance(value, tuple):
        refuse(key, f"{key} is {_shown(value)}; give a list of texts")
    if not value and not may_be_empty:
        refuse(key, f"{key} is empty; give at least one")
    for item in value:
        check(key, item)
    if len(set(value)) != len(value):
        refuse(key, f"{key} {_shown(list(value))} names one thing twice")


def check_table(key: str, value: object) -> dict[str, Value]:
    """Return a copy of `value`, keyword arguments of plain literals; anything else is refused."""
    if not isinstance(value, Mapping):
        refuse(key, f"{key} is {_shown(value)}; give a table")
    budget = [MOST_VALUES]
    table: dict[str, Value] = {}
    for name, item in value.items():
        if not (isinstance(name, str) and name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
            refuse(key, f"{key} has the key {_shown(name)}, which is not a Python name", name)
        table[name] = _literal(f"{key}.{name}", item, (key, name), budget)
    return table


def _literal(name: str, value: object, path: tuple[str, ...], budget: list[int]) -> Value:
    budget[0] -= 1
    if budget[0] < 0 or len(path) > MOST_LEVELS:
        refuse(path[0], f"{path[0]} is too large; keep it under {MOST_VALUES} values in {MOST_LEVELS} levels")
    if isinstance(value, str):
        if value != "":
            check_text_at(path, value)
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_INT:
            refuse(path[0], f"{name} is a number of more than 63 bits; give a smaller one", *path[1:])
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            refuse(path[0], f"{name} is {value}; give a finite number", *path[1:])
        return float(value)
    if isinstance(value, (list, tuple)):
        return [_literal(name, item, (*path, ""), budget) for item in value]
    if isinstance(value, Mapping):
        table: dict[str, Value] = {}
        for key, item in value.items():
            check_text_at((*path, str(key)), key)
            table[key] = _literal(f"{name}.{key}", item, (*path, key), budget)
        return table
    return refuse(
        path[0], f"{name} is a {type(value).__name__}; give a text, number, list or table", *path[1:]
    )


def check_text_at(path: tuple[str, ...], value: object) -> None:
    """Refuse `value` unless it is a short printable line; `path` says where it stands."""
    try:
        check_text(".".join(part for part in path if part), value)
    except SpecError as error:
        raise SpecError(str(error), key=tuple(part for part in path if part)) from None
