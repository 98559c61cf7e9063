"""The two kinds of text that a template may paste into a module: literals and validated names."""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

LONGEST_PIECE = 80  # characters of one string literal; a longer one is written as several that Python joins
MOST_LEVELS = 20
SHORTEST_RUN = 8  # a number that stands so often in a row is written once, and how often


class Code(str):
    """Text that may stand where an expression may: made by `literal` and `Identifier`, never by hand."""

    __slots__ = ()


class Identifier(Code):
    """A Python name, checked at construction."""

    __slots__ = ()

    def __new__(cls, name: str) -> Identifier:
        """Return `name` as a name.

        Raises:
            ValueError: it is not an ASCII Python name, or a keyword.
        """
        if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
            raise ValueError(f"{name!r} is not a Python name")
        return super().__new__(cls, name)


def literal(value: object) -> Code:
    """Return the Python literal that evaluates to `value`.

    Raises:
        ValueError: `value` is or holds something other than text, numbers, None, tuples, lists and mappings.
    """
    return Code(_literal(value, MOST_LEVELS))


def _literal(value: object, levels: int) -> str:
    if levels == 0:
        raise ValueError(f"a value is nested deeper than {MOST_LEVELS} levels")
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, str):
        return _text(str(value))
    if isinstance(value, int):
        return repr(int(value))  # Python itself refuses more than 4300 digits
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value!r} has no literal in Python")
        return repr(float(value))
    if isinstance(value, tuple):
        items = [_literal(item, levels - 1) for item in value]
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    if isinstance(value, list):
        return f"[{', '.join(_items(value, levels - 1))}]"
    if isinstance(value, Mapping):
        pairs = (f"{_literal(key, levels - 1)}: {_literal(item, levels - 1)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    raise ValueError(
        f"a value of type {type(value).__name__} has no literal; give text, numbers, lists or tables"
    )


def _items(values: Sequence[object], levels: int) -> Iterator[str]:
    for _, group in groupby(values, key=lambda item: (type(item), repr(item))):
        run = list(group)
        if type(run[0]) is int and len(run) >= SHORTEST_RUN:
            yield f"*[{run[0]!r}] * {len(run)}"
        else:
            yield from (_literal(item, levels) for item in run)


def _text(value: str) -> str:
    """Return `value` as one string literal, or as several in parentheses where one would make a long line."""
    if len(value) <= LONGEST_PIECE:
        return repr(value)
    pieces, rest = [], value
    while len(rest) > LONGEST_PIECE:
        at = rest.rfind(" ", 0, LONGEST_PIECE) + 1 or LONGEST_PIECE
        pieces.append(rest[:at])
        rest = rest[at:]
    return f"({' '.join(repr(piece) for piece in [*pieces, rest])})"
