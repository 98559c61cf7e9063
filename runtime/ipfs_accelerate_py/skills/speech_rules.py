"""Which tokens a speech model may write next, as it was trained to: marks of time stand in pairs and only grow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.speech_settings import SpeechSettings

_NEVER = -np.inf


def allowed(
    logits: Array, written: Sequence[Sequence[int]], settings: SpeechSettings, *, timed: bool
) -> Array:
    """Return `logits` (rows, vocabulary) with -inf where a token may not follow what was `written` in its row."""
    scores = logits.astype(np.float32)
    if settings.suppressed_first and not written[0]:
        scores[:, list(settings.suppressed_first)] = _NEVER
    if settings.suppressed:
        scores[:, list(settings.suppressed)] = _NEVER
    if timed and settings.untimed is not None:
        _marks(scores, written, settings, settings.untimed)
    return scores


def _marks(scores: Array, written: Sequence[Sequence[int]], settings: SpeechSettings, untimed: int) -> None:
    first = untimed + 1
    end = min(settings.ends, default=first)  # texts have the ids before it
    scores[:, untimed] = _NEVER
    for row, tokens in enumerate(written):
        marked = len(tokens) >= 1 and tokens[-1] >= first
        twice = len(tokens) < 2 or tokens[-2] >= first
        if marked and twice:  # after a pair there is text
            scores[row, first:] = _NEVER
        elif marked:  # after the first of a pair a second one, or the end
            scores[row, :end] = _NEVER
        marks = [token for token in tokens if token >= first]
        if marks:  # the second of a pair may repeat the first; a new pair is later
            scores[row, first : marks[-1] + (not (marked and not twice))] = _NEVER
    if not written[0]:
        scores[:, :first] = _NEVER
        if settings.latest_start is not None:
            scores[:, first + settings.latest_start + 1 :] = _NEVER
    likely = log_softmax(scores)
    together = np.logaddexp.reduce(likely[:, first:], axis=-1)
    scores[together > likely[:, :first].max(axis=-1), :first] = _NEVER


def log_softmax(scores: Array) -> Array:
    """Return `scores` (rows, vocabulary) as logarithms of probabilities; -inf stays what it is."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result
