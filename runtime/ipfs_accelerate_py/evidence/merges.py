"""The merges of a byte-pair vocabulary, chosen alike every time: the trainer of the library breaks ties by chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

Pair = tuple[str, str]


def merges(words: Iterable[str], count: int, suffix: str = "") -> list[Pair]:
    """Return the `count` most frequent pairs of neighbours in `words`, each found once those before it are merged.

    Of equally frequent pairs the one that sorts first is taken. `suffix` marks the last piece of a word.
    """
    spelled = Counter((*word[:-1], word[-1] + suffix) for word in words if word)
    found: list[Pair] = []
    while len(found) < count:
        pairs: Counter[Pair] = Counter()
        for pieces, often in spelled.items():
            for pair in pairwise(pieces):
                pairs[pair] += often
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        found.append(best)
        spelled = Counter({_merged(pieces, best): often for pieces, often in spelled.items()})
    return found


def _merged(pieces: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    made: list[str] = []
    rest = list(pieces)
    while rest:
        if tuple(rest[:2]) == pair:
            made.append("".join(pair))
            del rest[:2]
        else:
            made.append(rest.pop(0))
    return tuple(made)
