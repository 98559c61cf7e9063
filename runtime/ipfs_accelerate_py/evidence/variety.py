"""Variety: does a small decoder write enough different tokens for the same ones to prove anything?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ipfs_accelerate_py.evidence.lab import Bench

_HEARD: Final = "automatic-speech-recognition"
DISTINCT: Final = 4  # tokens; one that repeats its last token would do so whatever it had read


def varied(bench: Bench) -> bool:
    """Whether what is written after each input of the case has enough different tokens; true of what writes none.

    Of what is heard, too: its tests ask for more than tokens, and with larger weights every way to search finds the
    same.
    """
    if bench.skill.heads[bench.task].session is None or bench.task == _HEARD:
        return True
    handler = bench.skill.load(bench.checkpoint, bench.task, "cpu")
    answers = handler(list(bench.case.inputs), **bench.case.options)
    return all(len(set(answer["tokens"])) >= DISTINCT for answer in answers if "tokens" in answer)
