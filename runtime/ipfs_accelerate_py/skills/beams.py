"""Beam search: several continuations of each prompt side by side, judged by their sums of log probabilities.

The bookkeeping is that of transformers' `generate`, in float32, so that the same beams live and the same sequences come
back; but every prompt is searched by itself and leaves the batch as soon as nothing can be improved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.head import Options
from ipfs_accelerate_py.skills.logits import Rule, ruled, warped
from ipfs_accelerate_py.skills.session import Session

_NEVER = np.float32(-1e9)  # what transformers adds to a score that must not win

Halts = Callable[
    [Sequence[int], int], bool
]  # what was read and written, how many tokens are new -> whether it ends


@dataclass
class _Search:
    """The beams of one prompt."""

    read: list[int]
    room: int
    halts: Halts
    options: Options
    kept: int
    """How many candidates are looked at in each step, so that enough go on when the best of them end."""
    running: list[list[int]] = field(default_factory=list)
    scores: Array = field(default_factory=lambda: np.zeros(0))
    done: list[list[int]] = field(default_factory=list)
    done_scores: Array = field(default_factory=lambda: np.zeros(0))
    finished: Array = field(default_factory=lambda: np.zeros(0))
    hopeful: bool = True
    """Whether a beam that still runs may become better than one that has ended."""

    def __post_init__(self) -> None:
        beams = self.options["num_beams"]
        self.running = [[] for _ in range(beams)]
        self.scores = np.full(beams, _NEVER, dtype=np.float32)
        self.scores[0] = 0  # all beams are alike at first: only one of them counts
        self.done = [[] for _ in range(beams)]
        self.done_scores = np.full(beams, _NEVER, dtype=np.float32)
        self.finished = np.zeros(beams, dtype=bool)

    def advance(self, likelihoods: Array, random: np.random.Generator) -> Array | None:
        """Take a token for each beam, by the log probabilities (beams, vocabulary); return the beams that go on.

        None if the search is over.
        """
        beams, size = likelihoods.shape
        totals = (likelihoods + self.scores[:, np.newaxis]).astype(np.float32).reshape(-1)
        chosen = _drawn(totals, self.kept, random) if self.options["do_sample"] else _best(totals, self.kept)
        scores = totals[chosen]
        origins, tokens = chosen // size, chosen % size
        candidates = [
            [*self.running[origin], int(token)] for origin, token in zip(origins, tokens, strict=True)
        ]
        new = len(candidates[0])
        ended = np.asarray([new >= self.room or self.halts([*self.read, *each], new) for each in candidates])
        self._finish(candidates, scores, ended, new)
        later = (scores + ended * _NEVER).astype(np.float32)
        following = _best(later, beams)
        self.running = [candidates[place] for place in following]
        self.scores = later[following]
        full = bool(self.finished.all()) and self.options["early_stopping"] is True
        self.hopeful = self.hopeful and self._may_improve(new)
        return None if full or ended.all() or not self.hopeful else origins[following]

    def _finish(self, candidates: list[list[int]], scores: Array, ended: Array, new: int) -> None:
        """Keep the best of the sequences that have ended, old and new; of the new ones only the best count."""
        beams = len(self.done)
        top = np.arange(len(candidates)) < beams
        judged = scores / np.float32(new ** self.options["length_penalty"])
        if self.finished.all() and self.options["early_stopping"] is True:
            judged = judged + _NEVER
        if not self.hopeful:
            judged = judged + _NEVER
        judged = (judged + ~(ended & top) * _NEVER).astype(np.float32)
        merged = np.concatenate([self.done_scores, judged])
        order = _best(merged, beams)
        sequences = [*self.done, *candidates]
        flags = np.concatenate([self.finished, ended & top])
        self.done = [sequences[place] for place in order]
        self.done_scores, self.finished = merged[order], flags[order]

    def _may_improve(self, new: int) -> bool:
        penalty = self.options["length_penalty"]
        longest = self.room if self.options["early_stopping"] == "never" and penalty > 0 else new
        possible = self.scores[0] / np.float32(longest**penalty)
        worst = np.where(self.finished, self.done_scores.min(), _NEVER)
        return bool((possible > worst).any())


def searched(
    session: Session,
    logits: Array,
    read: Sequence[Sequence[int]],
    *,
    room: Array,
    options: Options,
    rules: Sequence[Rule],
    halts: Halts,
    ends: int,
    random: np.random.Generator,
) -> list[list[Array]]:
    """Return the new tokens of the best continuations of each prompt, `num_return_sequences` of them, best first.

    `logits` (prompts, vocabulary) are those after the prompts, `read` the ids of these, `ends` the number of tokens
    that end a text.
    """
    beams, count = options["num_beams"], options["num_return_sequences"]
    kept = max(2, 1 + ends) * beams
    searches = [
        _Search(list(ids), int(space), halts, options, kept) for ids, space in zip(read, room, strict=True)
    ]
    open_ = [search for search in searches if search.room > 0]
    going = [place for place, search in enumerate(searches) if search.room > 0]
    rows = np.repeat(np.asarray(going, dtype=np.int64), beams)
    logits = logits[rows]
    if open_:
        session.reorder(rows)
    while open_:
        likelihoods = _log_softmax(logits)
        history = [[*search.read, *beam] for search in open_ for beam in search.running]
        likelihoods = ruled(likelihoods, rules, history, len(open_[0].running[0]))
        if options["do_sample"]:
            likelihoods = warped(likelihoods, options, least=max(2, ends + 1))
        places, tokens, following = [], [], []
        for place, search in enumerate(open_):
            own = likelihoods[place * beams : (place + 1) * beams]
            origins = search.advance(own, random)
            if origins is not None:
                following.append(search)
                places.append(place * beams + origins)
                tokens += [beam[-1] for beam in search.running]
        open_ = following
        if open_:
            session.reorder(np.concatenate(places))
            logits = session.step(np.asarray(tokens, dtype=np.int64)[:, np.newaxis])
    return [[np.asarray(each, dtype=np.int64) for each in search.done[:count]] for search in searches]


def _log_softmax(logits: Array) -> Array:
    shifted = logits.astype(np.float32) - logits.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def _best(scores: Array, count: int) -> Array:
    """Return the places of the `count` largest scores, the largest first."""
    count = min(count, scores.size)
    if count == scores.size:
        return np.argsort(-scores, kind="stable")
    found = np.sort(np.argpartition(-scores, count - 1)[:count])
    return found[np.argsort(-scores[found], kind="stable")]


def _drawn(scores: Array, count: int, random: np.random.Generator) -> Array:
    """Return `count` places drawn without replacement, each by the softmax of the scores of those that are left."""
    return _best(scores + random.gumbel(size=scores.size), count)
