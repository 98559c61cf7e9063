"""Boxes of queries that are judged otherwise than DETR's: by pairs, as many as queries, or one label at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.scores import sigmoid, top

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def of_pairs(
    logits: Array, boxes: Array, names: tuple[str, ...], size: tuple[int, int], threshold: float
) -> list[dict[str, Any]]:
    """Return the objects that score above `threshold` as {"score", "label", "box"}, best first.

    Each pair of query and label of `logits` (queries, labels) is one by itself, and as many count as there are queries.
    `boxes` (queries, 4) are the middle, width and height, as shares of the image, whose height and width are `size`.
    """
    pairs = sigmoid(logits).ravel()
    return [
        _object(pairs[pair], names[pair % len(names)], corners)
        for pair in top(pairs, len(logits))
        if pairs[pair] > threshold
        for corners in (_corners(boxes[pair // len(names)], size),)
    ]


def of_labels(
    labels: Iterable[str],
    rows: Iterable[Mapping[str, Array]],
    size: tuple[int, int],
    threshold: float,
    top_k: int | None,
) -> list[dict[str, Any]]:
    """Return what scores above `threshold` as {"score", "label", "box"}, best first; at most `top_k`.

    A row holds what was found for one label: `logits` (queries, 1) and `boxes` (queries, 4).
    """
    found = [
        _object(score, label, _corners(box, size))
        for label, row in zip(labels, rows, strict=True)
        for score, box in zip(sigmoid(row["logits"].max(axis=-1)), row["boxes"], strict=True)
        if score > threshold
    ]
    return sorted(found, key=lambda each: -each["score"])[: top_k or None]


def _corners(box: Array, size: tuple[int, int]) -> Array:
    middle, extent = box[:2], box[2:]
    scale = np.asarray([size[1], size[0]] * 2, dtype=np.float32)
    return np.concatenate([middle - 0.5 * extent, middle + 0.5 * extent]) * scale


def _object(score: Any, label: str, corners: Array) -> dict[str, Any]:
    return {
        "score": float(score),
        "label": label,
        "box": dict(zip(_SIDES, map(int, corners), strict=True)),
    }
