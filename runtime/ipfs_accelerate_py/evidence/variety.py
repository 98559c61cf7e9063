"""Variety: does a small decoder write enough different tokens for the same ones to prove anything?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ipfs_accelerate_py.evidence.lab import Bench

_HEARD: Final = "automatic-speech-recognition"
_TOGETHER: Final = "text2text-generation"
DISTINCT: Final = 4  # tokens; one that repeats its last token would do so whatever it had read


def varied(bench: Bench) -> bool:
    """Whether what is written after each input of the case has enough different tokens; true of what writes none.

    Of what is heard, too: its tests ask for more than tokens, and with larger weights every way to search finds the
    same.
    """
    return bench.task == _HEARD or each_varied(bench)


def each_varied(bench: Bench) -> bool:
    """Whether what is written after each input of the case has enough different tokens, whatever the task is."""
    return all(len(set(tokens)) >= DISTINCT for tokens in written(bench))


def enough(bench: Bench) -> bool:
    """Whether what is written has as many different tokens as the tests of its task ask for.

    After a source these are counted over all texts, where each text by itself would be better.
    """
    tokens = written(bench)
    if bench.task == _TOGETHER and tokens:
        return len({token for each in tokens for token in each}) >= DISTINCT
    return all(len(set(each)) >= DISTINCT for each in tokens)


def told_apart(bench: Bench) -> bool:
    """Whether not the same is written after every input of the case; true of what writes nothing."""
    tokens = written(bench)
    return not tokens or len({tuple(each) for each in tokens}) > 1


def written(bench: Bench) -> list[list[int]]:
    """Return the tokens after each input of the case, by the CPU; none of what writes none."""
    if bench.skill.heads[bench.task].session is None and "max_new_tokens" not in bench.case.options:
        return []
    handler = bench.skill.load(bench.checkpoint, bench.task, "cpu")
    answers = handler(list(bench.case.inputs), **bench.case.options)
    return [answer["tokens"] for answer in answers if "tokens" in answer]
