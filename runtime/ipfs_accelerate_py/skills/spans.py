"""Answers as spans of tokens: the best start and end of an extractive question answering head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.quantities import whole
from ipfs_accelerate_py.skills.scores import softmax, top


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

    Raises:
        InputError: no token is allowed, or `count` or `longest` is no whole number from 1.
    """
    whole("max_answer_len", longest)
    if not allowed.any():
        raise InputError("the context has no token in which an answer could lie")
    first, last = (softmax(np.where(allowed, logits.astype(np.float64), -np.inf)) for logits in (start, end))
    possible = np.tril(np.triu(np.outer(allowed, allowed)), longest - 1)
    joint = np.where(possible, np.outer(first, last), -1.0).ravel()
    places = (divmod(place, allowed.size) for place in top(joint, count) if joint[place] >= 0)
    return [Span(row, column, float(joint[row * allowed.size + column])) for row, column in places]
