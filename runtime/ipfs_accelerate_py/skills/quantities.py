"""Options that are numbers, checked before they reach a library that would fail far away from them."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_py.errors import InputError


def whole(name: str, value: Any, least: int = 1) -> int:
    """Return `value` if it is a whole number from `least`.

    Raises:
        InputError: it is not; the message calls it `name`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} is {value!r}; it is a whole number from {least}")
    return value


def positive(name: str, value: Any, most: float | None = None) -> float:
    """Return `value` if it is a number above 0 and, if that is given, at most `most`.

    Raises:
        InputError: it is not; the message calls it `name`.
    """
    limit = float("inf") if most is None else most
    if not isinstance(value, int | float) or not 0 < value <= limit or value == float("inf"):
        upper = "" if most is None else f" and at most {most:g}"
        raise InputError(f"{name} is {value!r}; it is a number above 0{upper}")
    return float(value)
