"""Segments of an image, from the masks of queries or the scores of each pixel, as the pipeline finds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.boxes import share
from ipfs_accelerate_py.skills.scores import sigmoid, softmax

SUBTASKS = ("panoptic", "instance", "semantic")
_SHARES = ("threshold", "mask_threshold", "overlap_mask_area_threshold")


def check(options: Mapping[str, Any], subtasks: tuple[str, ...] = SUBTASKS) -> None:
    """Refuse options that make no sense.

    Raises:
        InputError: a threshold is no share, or the subtask is none of `subtasks`.
    """
    for name in _SHARES:
        if name in options:
            share(name, options[name])
    if options.get("subtask") not in (None, *subtasks):
        raise InputError(f"subtask is {options['subtask']!r}; it is one of {', '.join(subtasks)}")


def packed(mask: Array) -> dict[str, Any]:
    """Return a mask (height, width) of true and false as the lengths of its runs, row by row, the first of false."""
    flat = np.concatenate([[False], mask.ravel(), [not mask.ravel()[-1]]])
    ends = np.flatnonzero(flat[1:] != flat[:-1])
    return {"size": list(mask.shape), "counts": np.diff(ends, prepend=0).tolist()}


def unpacked(mask: Mapping[str, Any]) -> Array:
    """Return what `packed` packed, (height, width) of true and false."""
    counts = np.asarray(mask["counts"])
    return np.repeat(np.arange(counts.size) % 2 == 1, counts).reshape(mask["size"])


def of_queries(
    logits: Array, masks: Array, names: tuple[str, ...], size: tuple[int, int], options: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the segments of an image of height and width `size` as [{"score", "label", "mask"}].

    `logits` (queries, labels + 1) have "no object" last; `masks` (queries, rows, columns) are logits, too.
    """
    likely, masks = softmax(logits), sigmoid(masks)
    if options["subtask"] == "semantic":
        return of_pixels(np.einsum("qc,qhw->chw", likely[:, :-1], masks), names, size)
    scores, labels = likely.max(axis=-1), likely.argmax(axis=-1)
    kept = np.flatnonzero((labels != len(names)) & (scores > options["threshold"]))
    if not kept.size:
        return []
    weighted = resized(masks[kept], size) * scores[kept, None, None]
    best = weighted.argmax(axis=0)
    found = []
    for place, query in enumerate(kept):
        mask = best == place
        whole = np.count_nonzero(weighted[place] >= options["mask_threshold"])
        # A query that others have covered for the most part leaves scraps, and no segment.
        if mask.any() and whole and np.count_nonzero(mask) / whole > options["overlap_mask_area_threshold"]:
            score = round(float(scores[query]), 6)
            found.append({"score": score, "label": names[labels[query]], "mask": packed(mask)})
    return found


def of_pixels(logits: Array, names: tuple[str, ...], size: tuple[int, int]) -> list[dict[str, Any]]:
    """Return a segment for each label that is the best of any pixel; `logits` are (labels, rows, columns)."""
    best = resized(logits, size).argmax(axis=0)
    return [
        {"score": None, "label": names[label], "mask": packed(best == label)} for label in np.unique(best)
    ]


def resized(maps: Array, size: tuple[int, int]) -> Array:
    """Return `maps` (any, rows, columns) at another size, between the nearest two values in each direction.

    This is what `torch.nn.functional.interpolate` calls bilinear, its corners not aligned.
    """
    for axis, wanted in zip((1, 2), size, strict=True):
        count = maps.shape[axis]
        places = (np.arange(wanted, dtype=np.float32) + 0.5) * np.float32(count / wanted) - 0.5
        places = places.clip(0, None)
        before = np.minimum(places.astype(np.int64), count - 1)
        after = np.minimum(before + 1, count - 1)
        share_of_after = (places - before).astype(np.float32).reshape((-1, 1) if axis == 1 else (-1,))
        maps = maps.take(before, axis) * (1 - share_of_after) + maps.take(after, axis) * share_of_after
    return maps
