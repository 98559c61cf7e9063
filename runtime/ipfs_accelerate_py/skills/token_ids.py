"""Token ids that a user made elsewhere: checked, with the batch axis and the mask that are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array

IDS = "input_ids"
MASK = "attention_mask"


def given(item: Any) -> bool:
    """Whether `item` holds token ids instead of a text."""
    return isinstance(item, Mapping) and IDS in item


def arrays(
    item: Mapping[str, Any],
    names: Sequence[str],
    *,
    below: Mapping[str, int | None],
    longest: int,
    index: int | None = None,
) -> dict[str, Array]:
    """Return one row of ids, (tokens,) int64 per input in `names`: without a mask all count, other inputs are zeros.

    `below` bounds the values of an input, `longest` the number of tokens.

    Raises:
        InputError: the ids are no single row of whole numbers in range, are too many, or do not fit their mask.
    """
    for name in item:
        if name not in names:
            raise InputError(f"holds {name!r}; this model takes {', '.join(names)}", index=index)
    ids = _row(IDS, item[IDS], below.get(IDS), index)
    if ids.size > longest:
        raise InputError(f"holds {ids.size} ids; the checkpoint takes {longest}; cut them off", index=index)
    found = {IDS: ids, **{name: np.full_like(ids, name == MASK) for name in names if name != IDS}}
    for name in set(item) - {IDS}:
        row = _row(name, item[name], below.get(name), index)
        if row.size != ids.size:
            raise InputError(f"{name} has {row.size} places, and input_ids has {ids.size}", index=index)
        found[name] = row
    if MASK in found and not found[MASK].any():
        raise InputError(f"{MASK} is 0 everywhere; at least one token must count", index=index)
    return {name: found[name] for name in names}


def _row(name: str, values: Any, below: int | None, index: int | None) -> Array:
    try:
        row = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:  # rows of unequal length, a tensor on a device
        raise InputError(f"{name} is no row of numbers: {error}", index=index) from error
    row = row[0] if row.ndim == 2 and row.shape[0] == 1 else row
    if row.ndim != 1 or not row.size or row.dtype.kind not in "iu":
        kind = f"of shape {row.shape} and type {row.dtype}"
        raise InputError(
            f"{name} is {kind}; give one row of whole numbers, and several as a list", index=index
        )
    wrong = row[(row < 0) | (row >= below)] if below is not None else row[row < 0]
    if wrong.size:
        known = "0 and above" if below is None else f"0 to {below - 1}"
        raise InputError(f"{name} holds {wrong[0]}; the checkpoint knows {known}", index=index)
    return row.astype(np.int64)
