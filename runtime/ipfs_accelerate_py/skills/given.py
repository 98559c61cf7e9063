"""Inputs that no processor makes: a user gives them as arrays, by the names of the model's own forward signature."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from ipfs_accelerate_py.errors import InputError, unknown
from ipfs_accelerate_py.skills.arrays import Array, Features
from ipfs_accelerate_py.skills.checkpoint import Checkpoint, inside, whole_number
from ipfs_accelerate_py.skills.head import Port
from ipfs_accelerate_py.skills.picture_settings import image_settings

CALL: Final = "call"
"""The first axis of an input that belongs to a whole call: nothing in it is a row that could stand alone."""

_SEED: Final = 20261127  # any number does; a fixed one makes every sample the same
_SAMPLES: Final = (
    2  # rows that an export is traced with: one alone would be taken for the only number of rows
)
_TAKES: Final[Mapping[str, str]] = {"float32": "fiu", "int64": "iu", "bool": "biu"}
_IMAGES: Final = "image_processor."
_KINDS: Final[Mapping[str, str]] = {"float32": "numbers", "int64": "whole numbers", "bool": "true or false"}


@dataclass(frozen=True)
class Given:
    """One input: its type, and the sizes of a sample.

    A size may be a text that says where a checkpoint's own is read, a product of numbers and of fields of config.json
    with their usual values: "2*vision_config.hidden_size=768"; behind "image_processor." it is a field of what the
    checkpoint says of its image processor. Axes in `vary` take any size. Numbers are drawn evenly
    from `low` up to, and without, `high`; where both are 0, from the standard normal distribution. `values` are the
    numbers themselves, where others would make no sense; of an input with rows they are those of several. Where such
    numbers tie the sizes of the inputs to each other, there is a second sample, of `other_sizes` and with the numbers
    `others`; an input without them has there what it has in the first.
    """

    dtype: Literal["float32", "int64", "bool"]
    sizes: tuple[int | str, ...]
    vary: tuple[int, ...] = ()
    low: int = 0
    high: int = 0
    values: Sequence[Any] = ()
    other_sizes: tuple[int | str, ...] = ()
    others: Sequence[Any] = ()
    idle: bool = False  # the class takes it, and the output does not depend on it

    def port(self, *, whole: bool) -> Port:
        """Return the input as an export sees it: booleans are 0 and 1, and the first axis is the row or the call."""
        axes = [f"axis_{place}" for place in range(len(self.sizes))]
        free = [axes[place] for place in self.vary]
        first, open_axes = (CALL, free) if whole else ("batch", ["batch", *free])
        dtype: Literal["int64", "float32"] = "float32" if self.dtype == "float32" else "int64"
        return Port(dtype, axes=(first, *axes), dynamic=tuple(open_axes))


Inputs = Mapping[str, Given]


def ports(inputs: Inputs, *, whole: bool = False) -> dict[str, Port]:
    """Return the ports of a head that takes `inputs`: of rows, or of one whole call."""
    return {name: each.port(whole=whole) for name, each in inputs.items()}


class ArrayInput:
    """The inputs of one head, for one checkpoint."""

    def __init__(self, checkpoint: Checkpoint, inputs: Inputs, *, whole: bool = False) -> None:
        self.inputs = inputs
        self.whole = whole

        def read(sizes: tuple[int | str, ...]) -> tuple[int, ...]:
            return tuple(_number(checkpoint, size) for size in sizes)

        self.sizes = {name: read(each.sizes) for name, each in inputs.items()}
        self.other_sizes = {name: read(each.other_sizes or each.sizes) for name, each in inputs.items()}
        self.resized = any(each.other_sizes for each in inputs.values())

    @property
    def sample(self) -> tuple[dict[str, Array], ...]:
        """Inputs that any checkpoint of the type can answer, of one size."""
        return self.drawn(_SEED)

    @property
    def other(self) -> tuple[dict[str, Array], ...]:
        """The same of another size; none of a head whose inputs are not tied to each other."""
        return self.drawn(_SEED, self.other_sizes) if self.resized else ()

    def drawn(
        self, seed: int, sizes: Mapping[str, tuple[int, ...]] | None = None
    ) -> tuple[dict[str, Array], ...]:
        """Return random inputs, two rows or one call, of the sample's sizes or of others."""
        chosen = sizes or self.sizes
        random = np.random.default_rng(seed)
        return tuple(
            {
                name: self._draw(
                    self.inputs[name], row, chosen[name], random, others=chosen == self.other_sizes
                )
                for name in self.inputs
            }
            for row in range(1 if self.whole else _SAMPLES)
        )

    def _draw(
        self, each: Given, row: int, sizes: tuple[int, ...], random: np.random.Generator, *, others: bool
    ) -> Array:
        if len(each.values):
            told = each.others if others and len(each.others) else each.values
            values = np.asarray(told, dtype=each.dtype)
            row_of = np.asarray(values if self.whole else values[row % len(values)])
            for axis, (old, new) in enumerate(zip(row_of.shape, sizes, strict=True)):
                row_of = row_of.take(np.arange(new) * old // max(new, 1), axis)  # stretched, as a mask may be
            return row_of
        if each.dtype == "float32":
            even = random.uniform(each.low, each.high, sizes) if each.high else random.standard_normal(sizes)
            return np.asarray(even, dtype=np.float32)
        return np.asarray(random.integers(each.low, each.high, sizes), dtype=each.dtype)

    def rows(self, items: Sequence[Any]) -> list[Features]:
        """Return the arrays of each item, checked, in the types that the model takes.

        Raises:
            InputError: an item is no mapping of arrays by name, a name is missing or strange, or an array has another
                type, number of axes or fixed size.
        """
        return [self._row(item, index) for index, item in enumerate(items)]

    def _row(self, item: Any, index: int) -> Features:
        names = ", ".join(self.inputs)
        if not isinstance(item, Mapping):
            raise InputError(
                f"is a {type(item).__name__}; give arrays by name, a dictionary with {names}", index=index
            )
        for name in item:
            if name not in self.inputs:
                raise InputError(str(unknown("input", str(name), self.inputs)), index=index)
        if absent := [name for name in self.inputs if name not in item]:
            raise InputError(f"{absent[0]!r} is missing; give arrays for {names}", index=index)
        return {name: self._array(name, item[name], index) for name in self.inputs}

    def _array(self, name: str, value: Any, index: int) -> Array:
        each, sizes = self.inputs[name], self.sizes[name]
        try:
            array = np.asarray(value)
        except (ValueError, TypeError) as error:  # nested lists of unequal length
            raise InputError(f"{name!r} is no array: {error}; give equal lengths", index=index) from error
        if array.dtype.kind not in _TAKES[each.dtype]:
            raise InputError(
                f"{name!r} holds {array.dtype}; the model takes {_KINDS[each.dtype]} ({each.dtype})",
                index=index,
            )
        if array.ndim != len(sizes):
            raise InputError(
                f"{name!r} has {array.ndim} axes, {list(array.shape)}; give {len(sizes)}, {_shape(sizes, each.vary)}"
                + ("" if self.whole else ", without an axis for the batch"),
                index=index,
            )
        for axis, (found, size) in enumerate(zip(array.shape, sizes, strict=True)):
            if found != size and (axis not in each.vary or found == 0):
                raise InputError(
                    f"{name!r} has the sizes {list(array.shape)}; this checkpoint takes {_shape(sizes, each.vary)}",
                    index=index,
                )
        if each.dtype == "bool" and array.dtype.kind != "b" and not np.isin(array, (0, 1)).all():
            raise InputError(f"{name!r} holds other numbers than 0 and 1; give true or false", index=index)
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise InputError(
                f"{name!r} holds what is not a number (NaN); fill it in or leave it out", index=index
            )
        return np.ascontiguousarray(array, dtype=np.float32 if each.dtype == "float32" else np.int64).reshape(
            array.shape
        )


def _shape(sizes: tuple[int, ...], vary: Sequence[int]) -> str:
    """Return sizes in words: "[any, 32]"."""
    return "[" + ", ".join("any" if axis in vary else str(size) for axis, size in enumerate(sizes)) + "]"


def _number(checkpoint: Checkpoint, size: int | str) -> int:
    """Return a size for `checkpoint`: itself, or the product that a text such as "3*patch_size=16" names."""
    return size if isinstance(size, int) else math.prod(_factor(checkpoint, each) for each in size.split("*"))


def _factor(checkpoint: Checkpoint, text: str) -> int:
    field, _, usual = text.rpartition("=")
    found = checkpoint.number(field) if field else None
    if field.startswith(_IMAGES):  # of a picture, whose size is no part of the model
        found = whole_number(inside(image_settings(checkpoint), field.removeprefix(_IMAGES)))
    return int(usual) if found is None else found
