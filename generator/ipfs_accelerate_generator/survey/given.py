"""What more a spec says of arrays by name: whether a row of them can stand alone, and where a size comes from."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import Any, Final

from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.inputs import PIXELS
from ipfs_accelerate_generator.survey.pictured import MARKED
from ipfs_accelerate_generator.survey.shape import IMAGE_SIZES
from ipfs_accelerate_generator.tensor import Tensor

Made = Mapping[str, Any]

_SEED: Final = 11
_WHOLE: Final = 4
"""Axes of a batch of pictures that are not cut into patches: its last two are rows and columns."""
_NEAR: Final = 1e-4  # relative to the largest value: batches are summed in another order


def whole(call: Callable[[Made], Any], made: Made) -> bool:
    """Whether `made` is one call, of which no row could be answered alone; `call` gives the output that is read.

    Rows can, if every input and the output have as many of them, and each alone gives what it gives among the others.
    """
    together = call(made)
    counts = {tensor.shape[0] if tensor.dim() else 0 for tensor in (*made.values(), together)}
    if len(counts) != 1 or min(counts) < 2:
        return True
    for row in range(min(counts)):
        try:
            alone = call({name: tensor[row : row + 1] for name, tensor in made.items()})
        except FOREIGN:
            return True
        if alone.shape != together[row : row + 1].shape:
            return True
        largest = together.abs().max().clamp(min=1e-12)
        if float((alone - together[row : row + 1]).abs().max() / largest) > _NEAR:
            return True
    return False


def hides(name: str) -> bool:
    """Whether the input `name` is a mask that hides something: one of the places of pictures in a text is none."""
    return name.endswith("mask") and name != MARKED


def booked(model: Any) -> Any:
    """Return `model` with random numbers in books of codes that only training fills, as tests of it have them.

    While they are zeros, every sound has the same code, and nothing that is given matters.
    """
    import torch

    drawn, kept = torch.Generator().manual_seed(_SEED), model.state_dict().keys()
    for name, buffer in model.named_buffers():
        if name in kept and buffer.is_floating_point() and buffer.dim() > 1 and not buffer.any():
            buffer.normal_(0, 0.02, generator=drawn)
    return model


def misfits(call: Callable[[Made], Any], made: Made) -> tuple[str, ...]:
    """Return the masks that are taken while they hide nothing, when nobody looks at them, and refused when they do.

    They are of another length than what is masked, as where a class puts a token of its own before what it is given.
    """
    found = []
    for name, tensor in made.items():
        if hides(name) and tensor.dim() > 1 and not tensor.is_floating_point() and bool(tensor.all()):
            hiding = tensor.clone()
            hiding[..., -1] = 0
            try:
                call({**made, name: hiding})
            except FOREIGN:
                found.append(name)
    return tuple(found)


def idle(call: Callable[[Made], Any], made: Made, others: Made) -> tuple[str, ...]:
    """Return the inputs whose numbers in `others`, in place of those in `made`, leave the output exactly as it was.

    Where none does anything, it is the weights that are too small, and nothing is known.
    """
    right = call(made)
    found = []
    for name, tensor in made.items():
        other, more = others[name], []
        if tensor.shape == other.shape and bool((tensor == other).all()):
            if tensor.is_floating_point() or not set(tensor.unique().tolist()) <= {0, 1}:
                continue  # numbers that mean something to the others
            other = tensor.clone()
            other.view(-1)[::2] = 1 - other.view(-1)[::2].long()
            half = tensor.clone()  # pixels of a patch are hidden together
            half[..., : half.shape[-1] // 2] = 0
            more = [half]
        same = [_same(call, {**made, name: each}, right) for each in (other, *more)]
        if any(same) and False not in same:
            found.append(name)
    return tuple(found) if len(found) < len(made) else ()


def _same(call: Callable[[Made], Any], made: Made, right: Any) -> bool | None:
    """Whether `call` gives exactly `right` for `made`; None where it does not take it."""
    import torch

    try:
        moved = call(made)
    except FOREIGN:
        return None
    return bool(moved.shape == right.shape and torch.equal(moved, right))


def told(tensors: tuple[Tensor, ...], names: tuple[str, ...]) -> tuple[Tensor, ...]:
    """Return `tensors` with those called `names` said to be idle."""
    return tuple(replace(each, idle=each.name in names) for each in tensors)


def sized(tensors: tuple[Tensor, ...], remake: Callable[[Any], Made], config: Any) -> tuple[Tensor, ...]:
    """Return `tensors` with the fields of `config` that their sizes come from; `remake` makes them for another one.

    Each number of the configuration is doubled in turn, and a size that doubles too is a product with it. A mask may
    have as many places as one number of it is times another, as a side has patches: no product says so, and any number
    is taken for it, as the class refuses a wrong one. A picture of one size that no number decides has the one that a
    checkpoint's image processor makes.
    """
    usual = _usual(config)
    shapes = {each.name: each.shape for each in tensors}
    powers: dict[tuple[str, int], dict[str, int]] = {}
    for path, value in _numbers(config):
        changed = copy.deepcopy(config)
        _set(changed, path, 2 * value)
        try:
            others = {name: tuple(tensor.shape) for name, tensor in remake(changed).items()}
        except FOREIGN:
            continue
        for name, shape in shapes.items():
            if len(others[name]) != len(shape):  # where more variables have an axis of their own
                continue
            for axis, (size, other) in enumerate(zip(shape, others[name], strict=True)):
                if other != size:
                    powers.setdefault((name, axis), {})[path] = _power(size, other)
    values = dict(_numbers(config))

    def text(name: str, axis: int, size: int) -> str:
        found = powers.get((name, axis), {})
        if not found and name in PIXELS and len(shapes[name]) >= _WHOLE and axis >= len(shapes[name]) - 2:
            return f"image_processor.size.{('height', 'width')[axis - len(shapes[name])]}={size}"
        if not found or min(found.values()) < 1 or not found.keys() <= usual.keys():
            return ""
        times, rest = divmod(size, prod(values[path] ** power for path, power in found.items()))
        if rest or not times:
            return ""
        factors = [f"{path}={usual[path]}" for path, power in found.items() for _ in range(power)]
        return "*".join(([str(times)] if times > 1 else []) + factors)

    def divided(name: str, axis: int) -> bool:
        found = {*powers.get((name, axis), {}).values()}
        return bool(found) and 0 not in found and min(found) < 0 < max(found)

    made = []
    for each in tensors:
        texts = tuple(
            "" if axis in each.vary else text(each.name, axis, size) for axis, size in enumerate(each.shape)
        )
        free = {axis for axis in range(len(each.shape)) if hides(each.name) and divided(each.name, axis)}
        one = replace(each, vary=tuple(sorted({*each.vary} | free)))
        made.append(replace(one, sizes=texts) if any(texts) and not each.values else one)
    return tuple(made)


def _power(size: int, other: int) -> int:
    """Return k where `other` is 2**k times `size`, which it may be of a negative k; 0 where it is something else."""
    if 0 < other < size:
        return -_power(other, size)
    times, rest = divmod(other, max(size, 1))
    return times.bit_length() - 1 if not rest and times > 1 and times & (times - 1) == 0 else 0


def _numbers(config: Any, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Yield the dotted name and value of each whole number above 0 in `config` and in its parts.

    Of lists only those that say how large pictures are, with their places behind the last dot.
    """
    from transformers import PreTrainedConfig

    for name, value in vars(config).items():
        if isinstance(value, PreTrainedConfig):
            yield from _numbers(value, f"{prefix}{name}.")
        elif name in IMAGE_SIZES and isinstance(value, (list, tuple)):
            yield from ((f"{prefix}{name}.{place}", side) for place, side in enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool) and value > 0 and name.isidentifier():
            yield prefix + name, value


def _usual(config: Any) -> dict[str, int]:
    """Return the numbers of a configuration that nothing is said about; none where there is no such.

    A part that it then has none of has those of its own class.
    """
    from transformers import PreTrainedConfig

    try:
        whole = type(config)()
    except FOREIGN:
        return {}
    found = dict(_numbers(whole))
    for name, part in vars(config).items():
        if isinstance(part, PreTrainedConfig) and not isinstance(vars(whole).get(name), PreTrainedConfig):
            found |= {f"{name}.{field}": number for field, number in _usual(part).items()}
    return found


def _set(config: Any, path: str, value: int) -> None:
    *parts, name = path.split(".")
    place = int(name) if name.isdecimal() else None
    if place is not None:
        name = parts.pop()
    for part in parts:
        config = vars(config)[part]
    known = vars(config)[name]
    vars(config)[name] = value if place is None else [*known[:place], value, *known[place + 1 :]]
