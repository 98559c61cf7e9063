"""When each token was said: dynamic time warping over where the decoder listened, as transformers' Whisper does it."""

from __future__ import annotations

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array

_BOTH, _TOKEN, _PLACE = 0, 1, 2  # which of the two the path went on with


def token_places(weights: Array, width: int) -> Array:
    """Return the place at which each token begins to be heard, (tokens,), from `weights` (heads, tokens, places).

    `width` is that of the median filter over places, an odd number.
    """
    weights = weights.astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):  # a single token has no variance, as in transformers
        even = (weights - weights.mean(axis=-2, keepdims=True)) / weights.std(axis=-2, keepdims=True)
    matrix = median_filtered(even, width).mean(axis=0)
    tokens, places = warped_path(-matrix.astype(np.float64))
    first = np.diff(tokens, prepend=tokens[0] - 1).astype(bool)
    found: Array = places[first]
    return found


def median_filtered(values: Array, width: int) -> Array:
    """Return the medians of `width` neighbours along the last axis; at the ends the values are mirrored."""
    half = width // 2
    if values.shape[-1] <= half:
        return values
    padding = [(0, 0)] * (values.ndim - 1) + [(half, half)]
    parts = np.lib.stride_tricks.sliding_window_view(np.pad(values, padding, mode="reflect"), width, axis=-1)
    found: Array = np.sort(parts, axis=-1)[..., half]
    return found


def warped_path(matrix: Array) -> tuple[Array, Array]:
    """Return the cheapest way through `matrix` (tokens, places) from its first corner to its last: rows and columns.

    Costs are float32 and ties go on to the next place, as transformers has it. What lies on one antidiagonal does not
    depend on each other, so that it is computed at once.
    """
    rows, columns = matrix.shape
    cost = np.full((rows + 1, columns + 1), np.inf, dtype=np.float32)
    trace = np.full((rows + 1, columns + 1), _PLACE, dtype=np.int8)
    trace[1:, 0] = _TOKEN
    trace[0, 0] = _TOKEN
    cost[0, 0] = 0
    for total in range(2, rows + columns + 1):
        row = np.arange(max(1, total - columns), min(rows, total - 1) + 1)
        column = total - row
        both, token, place = (
            cost[row - 1, column - 1],
            cost[row - 1, column],
            cost[row, column - 1],
        )
        way = np.where(
            (both < token) & (both < place),
            _BOTH,
            np.where((token < both) & (token < place), _TOKEN, _PLACE),
        )
        least = np.choose(way, (both, token, place))
        cost[row, column] = matrix[row - 1, column - 1] + least
        trace[row, column] = way
    return _walked_back(trace)


def _walked_back(trace: Array) -> tuple[Array, Array]:
    row, column = (size - 1 for size in trace.shape)
    tokens, places = [], []
    while row > 0 or column > 0:
        tokens.append(row - 1)
        places.append(column - 1)
        way = trace[row, column]
        row, column = row - (way != _PLACE), column - (way != _TOKEN)
    return np.asarray(tokens[::-1], dtype=np.int64), np.asarray(places[::-1], dtype=np.int64)
