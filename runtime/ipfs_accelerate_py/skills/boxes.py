"""Detected objects: from the scores and boxes of queries to a list, as transformers' pipeline words it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.scores import sigmoid, softmax, top

_MOST_OBJECTS = 100  # of a model that judges each label by itself, as transformers' processors have it


def share(name: str, value: Any) -> float:
    """Return `value` if it is a number from 0 to 1.

    Raises:
        InputError: it is not; the message calls it `name`.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise InputError(f"{name} is {value!r}; it is a number from 0 to 1")
    return float(value)


def detected(
    logits: Array, boxes: Array, names: tuple[str, ...], size: tuple[int, int], threshold: float
) -> list[dict[str, Any]]:
    """Return the objects that score above `threshold` as {"score", "label", "box"}.

    `boxes` (queries, 4) are the middle, width and height, as shares of the image, whose height and width are `size`.
    Where `logits` (queries, labels + 1) have "no object" last, a query is one object at most, and the order is that of
    the queries. Where they do not (queries, labels), each pair of query and label is one by itself, best first.
    """
    if logits.shape[-1] > len(names):
        likely = softmax(logits)[:, :-1]
        places, scores = likely.argmax(axis=-1), likely.max(axis=-1)
    else:
        pairs = sigmoid(logits).ravel()
        best = np.asarray(top(pairs, _MOST_OBJECTS))
        places, scores, boxes = best % len(names), pairs[best], boxes[best // len(names)]
    middle, extent = boxes[:, :2], boxes[:, 2:]
    height, width = size
    scale = np.asarray([width, height, width, height], dtype=np.float32)
    corners = np.concatenate([middle - 0.5 * extent, middle + 0.5 * extent], axis=-1) * scale
    return [
        {
            "score": float(scores[query]),
            "label": names[places[query]],
            "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), map(int, corners[query]), strict=True)),
        }
        for query in np.flatnonzero(scores > threshold)
    ]
