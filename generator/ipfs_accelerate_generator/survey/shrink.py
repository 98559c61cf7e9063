"""A tiny configuration of any config class: fewer of what its fields count, its relations kept.

What a field counts is told by its name (`quantities`), what it has to do with other fields by the defaults
(`relations`): equal stays equal, a list as long as the layers stays as long. Nothing here knows a model type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ipfs_accelerate_generator.survey.quantities import Quantity, is_count, is_counts
from ipfs_accelerate_generator.survey.relations import RELATIONS, cut_images
from ipfs_accelerate_generator.survey.senses import SENSES
from ipfs_accelerate_generator.survey.sheet import VOCABULARY, Alternative, Sheet, parts
from ipfs_accelerate_generator.survey.thorough import THOROUGH, fill

MOST_LEVELS: Final = 6

_STAND_INS: Final = frozenset(
    f"{modality}_token_{kind}" for modality in ("image", "video", "audio") for kind in ("id", "index")
)
"""What names the token that stands in a text for a part of something else."""
_EQUAL: Final = "equal widths of 32, 4 heads, 2 layers"
_DIVIDED: Final = "widths divided by one number, heads kept, 2 layers"

_CLOSER: Final = "unset and rarely named fields too"

ALTERNATIVES: Final = (
    Alternative(name=_EQUAL),
    Alternative(name="equal widths of 64, 4 heads, 2 layers", width=64),
    Alternative(name="equal widths of 32, 8 heads, 2 layers", heads=8),
    Alternative(name=_DIVIDED, divide=True),
    Alternative(name="widths kept, 2 layers", keep_widths=True),
    Alternative(name=f"{_EQUAL}, spread of 0.5", spread=0.5, factor=3.0),
    Alternative(name=f"{_EQUAL}, spread of 1.0", spread=1.0, factor=10.0),
    Alternative(name=f"{_DIVIDED}, spread of 0.5", divide=True, spread=0.5, factor=3.0),
    Alternative(name=f"{_EQUAL}, {_CLOSER}", thorough=True),
    Alternative(name=f"equal widths of 64, 2 heads, {_CLOSER}", width=64, heads=2, thorough=True),
    Alternative(name=f"{_DIVIDED}, {_CLOSER}", divide=True, thorough=True),
    Alternative(
        name=f"{_DIVIDED}, images of 256, {_CLOSER}", divide=True, image=256, patch=16, thorough=True
    ),
    Alternative(name=f"{_EQUAL}, spread of 0.5, {_CLOSER}", spread=0.5, factor=3.0, thorough=True),
    Alternative(name=f"{_EQUAL}, spread of 1.0, {_CLOSER}", spread=1.0, factor=10.0, thorough=True),
)
"""Tried in this order. Parts of equal width fit each other; a pyramid needs the shares between its stages."""


def tiny(config: Any, how: Alternative) -> dict[str, Any]:
    """Return keyword arguments that make `config`, a config class, describe a tiny model."""
    return _tiny(
        config, how, {}, iter(range(3, VOCABULARY)), 0
    )  # ids 0 to 2 stay with padding, start and end


def overlaid(arguments: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return `arguments` with what is `told` in its place, in parts as well."""
    parts_told = {
        name: overlaid(arguments[name], value)
        for name, value in told.items()
        if isinstance(value, Mapping) and isinstance(arguments.get(name), Mapping)
    }
    return {**arguments, **told, **parts_told}


def said(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return `arguments` less what is unset, in parts as well: no file can hold it, and a class may write it there."""
    return {
        name: said(value) if isinstance(value, Mapping) else value
        for name, value in arguments.items()
        if value is not None
    }


def _tiny(
    config: Any, how: Alternative, start: Mapping[str, Any], ids: Iterator[int], level: int
) -> dict[str, Any]:
    sheet = Sheet.of(config, how, start, ids)
    for name, counts in sheet.counts.items():
        value = sheet.before[name]
        sheet.after[name] = (
            _RULES[counts](sheet, name, value) if counts in _RULES and value is not None else value
        )
        if value is None and name in _STAND_INS:  # a tokenizer says it, and no model takes a text without it
            sheet.after[name] = next(ids)
    if how.thorough:
        fill(sheet)
    for keep in (*RELATIONS, *((*THOROUGH, *SENSES) if how.thorough else ())):
        keep(sheet)
    arguments = sheet.changed()
    if level < MOST_LEVELS:
        for part in parts(config, how.thorough):
            inner = _tiny(part.config, how, part.start, ids, level + 1)
            arguments[part.name] = ({"model_type": part.config.model_type} if part.by_type else {}) | inner
    return arguments | cut_images(sheet, arguments)


def _at_most(value: Any, number: int) -> Any:
    if is_count(value):
        return min(value, number)
    if isinstance(value, (list, tuple)):
        return type(value)(_at_most(item, number) for item in value)
    return value


def _width(sheet: Sheet, name: str, value: Any) -> Any:
    """Return the one width, or in a pyramid each stage's share."""
    if sheet.how.keep_widths or not (is_count(value) or is_counts(value)):
        return value
    if is_counts(value):
        return type(value)(max(item // sheet.divisor, 1) for item in value)
    if sheet.how.divide:
        return max(value // sheet.divisor, 1)
    return min(value, sheet.how.width * (2 if sheet.counts[name] is Quantity.INNER else 1))


def _layers(sheet: Sheet, _: str, value: Any) -> Any:
    """Return the number of layers, or one layer for each stage."""
    return _at_most(value, 1 if is_counts(value) else sheet.how.layers)


def _heads(sheet: Sheet, _: str, value: Any) -> Any:
    """Return the number of heads; where widths keep their shares, heads stay as they are."""
    return (
        value
        if sheet.how.divide or sheet.how.keep_widths or is_counts(value)
        else _at_most(value, sheet.how.heads)
    )


def _groups(sheet: Sheet, _: str, value: Any) -> Any:
    """Return as many key heads as heads if the defaults have so, else half as many, or the one there is."""
    if sheet.how.divide or sheet.how.keep_widths:
        return value
    full = any(value == heads for _, heads in sheet.single(Quantity.HEADS))
    return _at_most(value, sheet.how.heads if full else max(sheet.how.heads // 2, 1))


def _image(sheet: Sheet, _: str, value: Any) -> Any:
    """Return four patches a side, or 64 pixels where there is no single patch size or a pyramid."""
    if sheet.how.image:
        return _at_most(value, sheet.how.image)
    patch = next((size for _, size in sheet.single(Quantity.PATCH)), 0)
    return _at_most(value, 4 * min(patch, sheet.how.patch) if patch and not sheet.stages else 64)


def _token(sheet: Sheet, name: str, value: Any) -> Any:
    """Return an id, or ids, within the small vocabulary."""
    if is_counts(value):
        return type(value)(_token(sheet, name, item) for item in value)
    return next(sheet.ids) if is_count(value) and value >= VOCABULARY else value


def _positions(sheet: Sheet, name: str, value: Any) -> Any:
    """Return few positions; for audio as many as a second of it fills: 50 after the usual halving."""
    return _at_most(value, 50 if "source" in name else sheet.how.positions)


def _spread(sheet: Sheet, _: str, value: Any) -> Any:
    return sheet.how.spread if 0 < value <= 0.1 else value


_Rule = Callable[[Sheet, str, Any], Any]
_RULES: Final[Mapping[Quantity, _Rule]] = {
    Quantity.LAYERS: _layers,
    Quantity.HEADS: _heads,
    Quantity.GROUPS: _groups,
    Quantity.WIDTH: _width,
    Quantity.INNER: _width,
    Quantity.HEAD_WIDTH: lambda sheet, _, value: _at_most(value, sheet.how.head_width),
    Quantity.VOCABULARY: lambda _sheet, _, value: _at_most(value, VOCABULARY),
    Quantity.POSITIONS: _positions,
    Quantity.IMAGE: _image,
    Quantity.PATCH: lambda sheet, _, value: _at_most(value, sheet.how.patch),
    Quantity.EXPERTS: lambda _sheet, _, value: _at_most(value, 4),
    Quantity.CHOSEN: lambda _sheet, _, value: _at_most(value, 2),
    Quantity.QUERIES: lambda _sheet, _, value: _at_most(value, 8),
    Quantity.SEEN: lambda _sheet, _, value: _at_most(value, 4),
    Quantity.WINDOW: lambda _sheet, _, value: _at_most(value, 8),
    Quantity.CODES: lambda _sheet, _, value: _at_most(value, 64),
    Quantity.KINDS: lambda _sheet, _, value: value or 2,  # of none an input for them would do nothing
    Quantity.TOKEN: _token,
    Quantity.SPREAD: _spread,
    Quantity.FACTOR: lambda sheet, _, value: value * sheet.how.factor,
}
