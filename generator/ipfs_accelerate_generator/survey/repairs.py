"""What a class says is wrong with a configuration, done as it says: the number that a message names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ipfs_accelerate_generator.survey.quantities import Quantity, quantity
from ipfs_accelerate_generator.survey.sheet import Alternative, parts

MOST: Final = 4
"""How often a configuration is mended, each time as the next message says."""

_UNUSED: Final = 16  # an id that is no word's and stands for nothing else
_ABSENT = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
_MUST_BE = re.compile(r"(\w+)`? must be (\d+|True|False), got")
_WITHIN = re.compile(r"`?(\w+)`? must be in \(0, \w+=(\d+)\]")


def repaired(config: Any, arguments: Mapping[str, Any], how: Alternative, message: str) -> dict[str, Any]:
    """Return `arguments` as `message`, of a model or a validator, asks for; {} where it does not.

    A field is set in the part that has it; one that no class declares, and a model reads, in the class that is named.
    """
    if (found := _ABSENT.search(message)) is not None:
        if (value := _absent(found[2], how)) is None:
            return {}
        return _set(config, arguments, found[2], value, owner=found[1])
    if (found := _MUST_BE.search(message)) is not None:
        words = {"True": True, "False": False}
        return _set(config, arguments, found[1], words.get(found[2], found[2]))
    if (found := _WITHIN.search(message)) is not None:
        return _set(config, arguments, found[1], found[2])
    return {}


def hopeless(message: str) -> bool:
    """Whether `message` misses a field that no class declares, and that nothing here knows a number for."""
    found = _ABSENT.search(message)
    return bool(found and found[1].endswith("Config") and _absent(found[2], Alternative(name="")) is None)


def _absent(name: str, how: Alternative) -> Any:
    """Return what a field is to have that no class declares; None where nobody can know."""
    named = {"rope_theta": 10000.0, "pad_token_id": 0, "dropout_rate": 0.0, "projection_bias": False}
    counted = {
        Quantity.TOKEN: _UNUSED,
        Quantity.LAYERS: how.layers,
        Quantity.HEADS: how.heads,
        Quantity.GROUPS: how.heads,
        Quantity.HEAD_WIDTH: how.head_width,
        Quantity.WIDTH: how.width,
        Quantity.INNER: 2 * how.width,
        Quantity.SPREAD: how.spread,
    }
    return named.get(name, counted.get(quantity(name, {})))


def _set(config: Any, arguments: Mapping[str, Any], name: str, value: Any, owner: str = "") -> dict[str, Any]:
    if isinstance(value, str):
        value = int(value)
    if config.__name__ == owner or (not owner and name in config.__dataclass_fields__):
        return {} if arguments.get(name) == value else {**arguments, name: value}
    for part in parts(config, thorough=True):
        inner = arguments.get(part.name) or {}
        if isinstance(inner, Mapping) and (mended := _set(part.config, inner, name, value, owner)):
            return {**arguments, part.name: mended}
    return {}
