"""Labels over time: from the probability of each frame to stretches with a beginning and an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint


def stretches(scores: Array, names: Sequence[str], threshold: Any, seconds: float) -> list[dict[str, Any]]:
    """Return where each label's probability, (frames, labels), is above `threshold`, in the order of beginning.

    A frame lasts `seconds`. Each stretch is {"label", "score", "start", "end"}, with the mean probability and seconds.

    Raises:
        InputError: `threshold` is no number from 0 to 1.
    """
    if not isinstance(threshold, int | float) or isinstance(threshold, bool) or not 0 <= threshold <= 1:
        raise InputError(f"threshold is {threshold!r}; it is a number from 0 to 1")
    found = []
    for name, column in zip(names, scores.T, strict=True):
        above = np.concatenate([[False], column > threshold, [False]])
        edges = np.flatnonzero(above[1:] != above[:-1])
        for start, end in edges.reshape(-1, 2).tolist():
            score = float(column[start:end].mean())
            found.append({"label": name, "score": score, "start": start * seconds, "end": end * seconds})
    return sorted(found, key=lambda stretch: (stretch["start"], stretch["end"]))


def context(checkpoint: Checkpoint) -> int:
    """Return how many frames a head of time-delay layers needs: two of its own, for their spread to exist."""
    kernels, dilations = (checkpoint.config.get(f"tdnn_{name}") for name in ("kernel", "dilation"))
    if not isinstance(kernels, list) or not isinstance(dilations, list):
        return 1
    return 2 + sum((int(kernel) - 1) * int(step) for kernel, step in zip(kernels, dilations, strict=True))
