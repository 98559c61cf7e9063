"""Rows of different lengths into batches and back: sorted by length, so that little is padded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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

    Rows whose arrays differ in shape where nothing may be filled up go into batches of their own.
    """
    order = sorted(range(len(rows)), key=lambda place: (-length(rows[place], padding), place))
    alike: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for place in order:
        shapes = tuple(array.shape for name, array in rows[place].items() if name not in padding)
        alike.setdefault(shapes, []).append(place)
    for group in alike.values():
        for start in range(0, len(group), size):
            places = group[start : start + size]
            yield places, collate([rows[place] for place in places], padding)
