"""Which fields of a configuration the sizes of inputs come from: found by doubling each field in turn."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ipfs_accelerate_generator.survey.inputs import make
from ipfs_accelerate_generator.survey.shape import Shape

_MOST_POWER: Final = 3


def stated(names: tuple[str, ...], shape: Shape) -> dict[str, tuple[str, ...]]:
    """Return for each axis of each input the product of fields that its size is, "" where it is only a number.

    A usual value stands behind each field: that of the class. `12` of 4 * 3 with the field doubled is 24, so it is
    linear in that field; a side of patches is squared.
    """
    made = {name: tuple(tensor.shape) for name, tensor in make(names, shape).items()}
    factors: dict[str, list[list[str]]] = {name: [[] for _ in sizes] for name, sizes in made.items()}
    left = {name: list(sizes) for name, sizes in made.items()}
    for path, value, usual in _fields(shape.config):
        try:
            doubled = make(names, _with(shape, path, 2 * value))
        except (RuntimeError, ValueError, TypeError, ZeroDivisionError):  # other fields have to agree with it
            continue
        for name, sizes in made.items():
            for axis, (size, other) in enumerate(zip(sizes, doubled[name].shape, strict=True)):
                power = next((n for n in range(1, _MOST_POWER + 1) if size and other == size * 2**n), 0)
                if power and left[name][axis] % value**power == 0:
                    left[name][axis] //= value**power
                    factors[name][axis] += [f"{path}={usual}"] * power
    return {
        name: tuple(_product(factors[name][axis], left[name][axis]) for axis in range(len(sizes)))
        for name, sizes in made.items()
    }


def _product(factors: list[str], left: int) -> str:
    if not factors:
        return ""
    return "*".join(([str(left)] if left != 1 else []) + factors)


def _fields(config: Any, before: str = "") -> Iterator[tuple[str, int, int]]:
    """Yield the dotted name of each whole number of a configuration and its parts, its value and its usual value."""
    from transformers import PreTrainedConfig

    try:
        usual = type(config)()
    except Exception:  # noqa: BLE001 - a class that has no defaults: what is here is usual
        usual = config
    for name, value in list(vars(config).items()):
        if isinstance(value, PreTrainedConfig):
            yield from _fields(value, f"{before}{name}.")
        elif isinstance(value, int) and not isinstance(value, bool) and value > 1 and name.isidentifier():
            told = getattr(usual, name, value)
            yield f"{before}{name}", value, told if isinstance(told, int) and told > 0 else value


def _with(shape: Shape, path: str, value: int) -> Shape:
    config = copy.deepcopy(shape.config)
    part = config
    *outer, name = path.split(".")
    for each in outer:
        part = getattr(part, each)
    vars(part)[name] = value
    return replace(shape, config=config)
