"""The names of arrays that one input of a class is made of: `molecule__places` is the field `places` of `molecule`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

SESSION: Final = "inference_session"
"""The input that holds a film, what is pointed at in it, and what was seen of it so far."""

_APART: Final = "__"
_Array = TypeVar("_Array")


def parted(inputs: Mapping[str, _Array]) -> tuple[dict[str, _Array], dict[str, dict[str, _Array]]]:
    """Return those of `inputs` that are arrays themselves, and the fields of each that is made of several."""
    plain: dict[str, _Array] = {}
    structures: dict[str, dict[str, _Array]] = {}
    for name, array in inputs.items():
        structure, _, field = name.partition(_APART)
        if field:
            structures.setdefault(structure, {})[field] = array
        else:
            plain[name] = array
    return plain, structures


def structures_in(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the inputs among `names` that are made of several arrays, with the fields of each."""
    return {name: tuple(fields) for name, fields in parted(dict.fromkeys(names))[1].items()}
