"""The loop that every backend shares: take a token for each row, read it, go on with the rows that have not ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.head import Options
from ipfs_accelerate_py.skills.logits import Rule, picked, ruled
from ipfs_accelerate_py.skills.session import Session
from ipfs_accelerate_py.skills.stopping import Stops


def following(
    session: Session,
    logits: Array,
    read: Sequence[Sequence[int]],
    *,
    room: Array,
    options: Options,
    rules: Sequence[Rule],
    stops: Stops,
    random: np.random.Generator,
) -> Iterator[list[tuple[int, int]]]:
    """Yield, step by step, the (row, token) of each row that goes on: at most `room` tokens, the one that ends it last.

    `logits` (rows, vocabulary) are those after the prompts, of which `read` has the ids.
    """
    seen = [list(ids) for ids in read]
    going = np.arange(len(room))  # the rows of the prompt that the session still works on
    kept = np.flatnonzero(room > 0)
    new = 0
    while kept.size:
        if kept.size < going.size:  # a row that has ended is computed no further
            session.reorder(kept)
            going, logits = going[kept], logits[kept]
        if rules:
            logits = ruled(logits, rules, [seen[row] for row in going], new)
        ids = picked(logits, options, random)
        new += 1
        found = list(zip(going.tolist(), ids.tolist(), strict=True))
        for row, token in found:
            seen[row].append(token)
        yield found
        kept = np.flatnonzero([new < room[row] and not stops(seen[row], new) for row in going])
        if kept.size == going.size:
            logits = session.step(ids[:, np.newaxis])
        elif kept.size:
            session.reorder(kept)
            going = going[kept]
            logits = session.step(ids[kept][:, np.newaxis])
            kept = np.arange(going.size)
