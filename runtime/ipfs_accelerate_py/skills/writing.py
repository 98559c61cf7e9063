"""One window of speech to tokens: the likeliest one after the other, drawn ones, or the best of several beams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.beams import searched
from ipfs_accelerate_py.skills.head import Options
from ipfs_accelerate_py.skills.logits import History, Rule, picked, ruled, rules
from ipfs_accelerate_py.skills.session import Session
from ipfs_accelerate_py.skills.speech_rules import allowed, log_softmax
from ipfs_accelerate_py.skills.speech_settings import SpeechSettings


@dataclass
class Written:
    """What was written of one window, up to and with the token that ends it."""

    tokens: list[int] = field(default_factory=list)
    likely: list[float] = field(default_factory=list)  # the logarithm of each token's probability
    times: list[float] = field(default_factory=list)  # when each ended, in seconds, where that is wanted

    @property
    def mean(self) -> float:
        """The mean of the logarithms; 0 where nothing was written."""
        return float(np.mean(self.likely)) if self.likely else 0.0


@dataclass(frozen=True)
class Writing:
    """How tokens are taken after prompts; `timed` says whether marks of time stand between them."""

    settings: SpeechSettings
    options: Options
    random: np.random.Generator
    timed: bool

    def __call__(
        self, session: Session, logits: Array, prompts: Sequence[Sequence[int]], room: Sequence[int]
    ) -> list[Written]:
        """Return what follows each of `prompts`, at most `room` tokens; `logits` are those after them."""
        asked = [*rules(self.options, self.settings.ends), self._rule]
        if self.options["num_beams"] > 1:
            return self._best(session, logits, prompts, room, asked)
        found = [Written() for _ in room]
        going = np.arange(len(room))
        kept = np.flatnonzero(np.asarray(room) > 0)
        new = 0
        while kept.size:
            if kept.size < going.size:  # a row that has ended is computed no further
                session.reorder(kept)
                going, logits = going[kept], logits[kept]
            history = [[*prompts[row], *found[row].tokens] for row in going.tolist()]
            scores = ruled(logits, asked, history, new)
            ids = picked(scores, self.options, self.random)
            chances = np.take_along_axis(log_softmax(scores), ids[:, np.newaxis], axis=-1)[:, 0]
            new += 1
            for row, token, chance in zip(going, ids, chances, strict=True):
                found[row].tokens.append(int(token))
                found[row].likely.append(float(chance))
            kept = np.flatnonzero(
                [
                    int(token) not in self.settings.ends and new < room[row]
                    for row, token in zip(going.tolist(), ids, strict=True)
                ]
            )
            if kept.size == going.size:
                logits = session.step(ids[:, np.newaxis])
            elif kept.size:  # a row that has ended is computed no further
                session.reorder(kept)
                going = going[kept]
                logits = session.step(ids[kept][:, np.newaxis])
                kept = np.arange(going.size)
        return found

    def _rule(self, scores: Array, history: History, new: int) -> Array:
        written = [ids[len(ids) - new :] for ids in history]
        return allowed(scores, written, self.settings, timed=self.timed)

    def _best(
        self,
        session: Session,
        logits: Array,
        prompts: Sequence[Sequence[int]],
        room: Sequence[int],
        asked: Sequence[Rule],
    ) -> list[Written]:
        noted = _Noted(len(prompts[0]), self.options, ends=len(self.settings.ends))
        best = searched(
            session,
            logits,
            prompts,
            room=np.asarray(room),
            options=self.options,
            rules=[*asked, noted],
            halts=lambda ids, new: ids[-1] in self.settings.ends,
            ends=len(self.settings.ends),
            random=self.random,
        )
        return [Written(tokens.tolist(), noted.chances(tokens.tolist())) for [tokens, *_] in best]


class _Noted:
    """A rule that changes nothing and takes note of how likely tokens are after each beam, for one prompt."""

    def __init__(self, read: int, options: Options, *, ends: int) -> None:
        self._read = read
        # As many of one beam's tokens as a search looks at in each step; a drawn one is among `top_k`, if that is set.
        least = max(2, 1 + ends) * options["num_beams"]
        drawn = max(options["top_k"], least) if options["top_k"] else None
        self._most = drawn if options["do_sample"] else least
        # After each beam: the tokens that may follow, in order, and the logarithms of their probabilities.
        self._likely: dict[tuple[int, ...], tuple[Array, Array]] = {}

    def __call__(self, scores: Array, history: History, new: int) -> Array:
        """Return `scores` as they are."""
        count = min(self._most or scores.shape[-1], scores.shape[-1])
        for ids, row in zip(history, log_softmax(scores), strict=True):
            least = np.partition(row, row.size - count)[row.size - count]
            tokens = np.flatnonzero(row >= least)  # more than `count` where several are equally likely
            self._likely[tuple(ids[self._read :])] = tokens, row[tokens]
        return scores

    def chances(self, tokens: Sequence[int]) -> list[float]:
        """Return the logarithm of each token's probability after those before it."""
        found = []
        for place, token in enumerate(tokens):
            known, likely = self._likely[tuple(tokens[:place])]
            found.append(float(likely[np.searchsorted(known, token)]))
        return found
