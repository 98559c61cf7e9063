"""One input that no processor makes, as a spec holds it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Final

from ipfs_accelerate_generator.values import (
    LARGEST_INT,
    MOST_VALUES,
    Value,
    check_identifier,
    check_pattern,
    refuse,
)
from ipfs_accelerate_py.errors import unknown

TENSOR_TYPES: Final = ("float32", "int64", "bool")

_MOST_SIZE = 2**31 - 1

_FACTOR = r"([A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*(\.[0-9])?=)?[0-9]{1,9}"
_PRODUCT = re.compile(rf"{_FACTOR}(\*{_FACTOR})*")


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One input that no processor makes: what a test has to make it, of the sizes that the survey fed."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    """Its sizes, the batch first where there is one; () of a single number."""
    vary: tuple[int, ...] = ()
    """The axes that another size of the same inputs showed to be free."""
    other_shape: tuple[int, ...] = ()
    """Its sizes where all inputs of the head have another: of those that tell something about others, not any will do.
    Empty where they are the same, and where nothing of the kind ties the inputs."""
    low: int = 0
    high: int = 0
    """Every number is drawn evenly from `low` on and below `high`, of truth values 0 for false and 1 for true; where
    both are 0, it is drawn from the standard normal distribution."""
    values: list[Value] = field(default_factory=list, hash=False)
    """The numbers themselves, nested as `shape` says, where others would make no sense: a grid, a length, a place."""
    other_values: list[Value] = field(default_factory=list, hash=False)
    """The numbers where all inputs have the other size, nested as `other_shape` says."""
    sizes: tuple[str, ...] = ()
    """For each axis where a checkpoint's own size is read, as "2*vision_config.hidden_size=768", a product of numbers
    and of fields of its configuration with their usual values, or, behind "image_processor.", of fields of what it says
    of its image processor; "image_size.1" is a place in a list. "" where it is what `shape` says."""
    idle: bool = False
    """Whether the class takes it, and what is read of the output does not depend on it."""
    apart: bool = False
    """Whether a class that only generates takes it in place of what else goes with a text, and refuses it beside that:
    it stands beside the text of the other size, and the rest beside that of the first."""
    packed: bool = False
    """Whether the class has those of all texts one behind the other, and sees no axis of texts before them."""

    def __post_init__(self) -> None:
        check_identifier("name", self.name)
        if self.dtype not in TENSOR_TYPES:
            refuse("dtype", str(unknown("dtype", str(self.dtype), TENSOR_TYPES)))
        for key in ("shape", "vary", "other_shape"):
            for place, item in enumerate(getattr(self, key)):
                _check_whole(key, item, 0, _MOST_SIZE, place)
        if len(set(self.vary)) != len(self.vary) or any(axis >= len(self.shape) for axis in self.vary):
            refuse("vary", f"vary is {list(self.vary)}; give different axes of {list(self.shape)}")
        _check_whole("low", self.low, -LARGEST_INT, LARGEST_INT)
        _check_whole("high", self.high, -LARGEST_INT, LARGEST_INT)
        self._check_other()
        if self.other_values and not self.values:
            refuse("other_values", "other_values has numbers; give values, those of the first size, too")
        _check_values("values", self.values, self.shape)
        _check_values("other_values", self.other_values, self.other_shape or self.shape)
        if self.sizes and len(self.sizes) != len(self.shape):
            refuse(
                "sizes", f"sizes has {len(self.sizes)} texts for {len(self.shape)} axes; give one for each"
            )
        for text in self.sizes:
            if text != "":
                check_pattern("sizes", text, _PRODUCT, "a product such as '3*hidden_size=768'")
        if (self.dtype != "float32" or self.high) and not self.values and self.high <= self.low:
            refuse("high", f"high is {self.high}; give more than low, {self.low}, or the values themselves")

    def _check_other(self) -> None:
        if not self.other_shape:
            return
        pairs = enumerate(zip(self.shape, self.other_shape, strict=False))
        differ = {axis for axis, (size, other) in pairs if size != other}
        if len(self.other_shape) != len(self.shape) or not differ <= {*self.vary}:
            refuse(
                "other_shape",
                f"other_shape is {list(self.other_shape)}; give {list(self.shape)} with other sizes along the axes in "
                f"vary, {list(self.vary)}",
            )


def _check_values(key: str, values: list[Value], shape: tuple[int, ...]) -> None:
    if values and (_sizes(values) != shape or math.prod(shape) > MOST_VALUES):
        refuse(key, f"{key} are not at most {MOST_VALUES} numbers nested as shape {list(shape)} says")


def _check_whole(key: str, value: object, least: int, most: int, *place: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        refuse(key, f"{key} has {value!r}; give whole numbers from {least} to {most}", *place)


def _sizes(values: object) -> tuple[int, ...] | None:
    """Return the sizes of nested lists of numbers; None where they are uneven or hold something else."""
    if not isinstance(values, list):
        number = (
            isinstance(values, (bool, int, float)) and math.isfinite(values) and abs(values) <= LARGEST_INT
        )
        return () if number else None
    inner = {_sizes(item) for item in values}
    if not inner:
        return (0,)
    sizes = inner.pop()
    return None if inner or sizes is None else (len(values), *sizes)
