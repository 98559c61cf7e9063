"""Rows of different lengths into batches and back: sorted by length, so that little is padded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch, Features

ROWS_PER_BATCH = 32  # beyond it the throughput of a two-core CPU no longer rose (MiniLM, mean of 33 words)


def length(row: Features, padding: Mapping[str, int]) -> int:
    """Return the length of the longest array of `row` that may be padded; 0 where none may."""
    return max((row[name].shape[0] for name in padding if name in row), default=0)


def collate(rows: Sequence[Features], padding: Mapping[str, int]) -> dict[str, Array]:
    """Return `rows` stacked: arrays named in `padding` are filled up along axis 0 with the value given there."""
    if len(rows) == 1:
        return {name: array[np.newaxis] for name, array in rows[0].items()}
    batch: dict[str, Array] = {}
    for name, first in rows[0].items():
        arrays = [row[name] for row in rows]
        if name in padding:
            longest = max(array.shape[0] for array in arrays)
            stacked = np.full((len(rows), longest, *first.shape[1:]), padding[name], dtype=first.dtype)
            for place, array in enumerate(arrays):
                stacked[place, : array.shape[0]] = array
            batch[name] = stacked
        else:
            batch[name] = np.stack(arrays)
    return batch


def batches(
    rows: Sequence[Features], padding: Mapping[str, int], size: int = ROWS_PER_BATCH
) -> Iterator[tuple[list[int], Batch]]:
    """Yield (places of the rows, their batch), longest rows first: what runs out of memory does so at once.

    Rows go together that have the same inputs, of the same shape but for the first axis of what may be padded. A text
    is not changed by padding; an image is, a little, and an answer must not depend on what else was asked.
    """
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(_shape(row, padding), []).append(place)
    for places in groups.values():
        order = sorted(places, key=lambda place: (-length(rows[place], padding), place))
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            yield chosen, collate([rows[place] for place in chosen], padding)


def _shape(row: Features, padding: Mapping[str, int]) -> tuple[Any, ...]:
    return tuple((name, array.shape[1:] if name in padding else array.shape) for name, array in row.items())
