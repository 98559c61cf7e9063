"""Answers as spans of tokens: the best start and end of an extractive question answering head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.scores import softmax


@dataclass(frozen=True)
class Span:
    """A stretch of tokens, both ends included, and its probability."""

    start: int
    end: int
    score: float


def best_spans(start: Array, end: Array, allowed: Array, *, count: int, longest: int) -> list[Span]:
    """Return the `count` likeliest spans of at most `longest` tokens inside `allowed`.

    `start`, `end` are logits (tokens,), `allowed` (tokens,) is true where an answer may lie. Probabilities are over the
    allowed tokens alone, as the question-answering pipeline of transformers 4 computed them.
    """
    masked = [np.where(allowed, logits.astype(np.float64), -1e4) for logits in (start, end)]
    first, last = (softmax(logits) for logits in masked)
    joint = np.tril(np.triu(np.outer(first, last)), longest - 1)
    joint[~allowed] = 0.0
    joint[:, ~allowed] = 0.0
    flat = np.argsort(-joint.ravel(), kind="stable")[:count]
    places = (np.unravel_index(place, joint.shape) for place in flat)
    return [Span(int(row), int(column), float(joint[row, column])) for row, column in places]
