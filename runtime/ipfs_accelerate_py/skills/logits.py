"""Rules that change logits before a token is taken from them, and how one is taken: transformers' own, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.head import Options
from ipfs_accelerate_py.skills.scores import softmax

History = Sequence[Sequence[int]]  # for each row the ids that the decoder has read or written, in order
# Logits (rows, vocabulary), what was read and written, and how many tokens of it are new -> logits.
Rule = Callable[[Array, History, int], Array]


def rules(options: Options, ends: frozenset[int]) -> list[Rule]:
    """Return the rules that `options` ask for, in the order in which transformers applies them."""
    found: list[Rule] = []
    if options["repetition_penalty"] != 1.0:
        found.append(_penalised(float(options["repetition_penalty"])))
    if options["no_repeat_ngram_size"]:
        found.append(_unrepeated(int(options["no_repeat_ngram_size"])))
    if options["bad_words_ids"]:
        found.append(_unwritten(options["bad_words_ids"], ends))
    if options["min_length"] and ends:
        found.append(_unended(lambda read, new: read < options["min_length"], ends))
    if options["min_new_tokens"] and ends:
        found.append(_unended(lambda read, new: new < options["min_new_tokens"], ends))
    if options["forced_bos_token_id"] is not None:
        first = options["forced_bos_token_id"]
        found.append(_forced("forced_bos_token_id", lambda read, new: read == 1, first))
    if options["forced_eos_token_id"] is not None:
        last = options["max_new_tokens"] - 1
        end = options["forced_eos_token_id"]
        found.append(_forced("forced_eos_token_id", lambda read, new: new == last, end))
    if options["suppress_tokens"]:
        found.append(_suppressed(lambda read, new: True, options["suppress_tokens"]))
    if options["begin_suppress_tokens"]:
        # Where nothing was read before, the first token may be chosen already.
        begun = options["forced_bos_token_id"] is not None
        found.append(
            _suppressed(
                lambda read, new: new == int(begun and read == new + 1), options["begin_suppress_tokens"]
            )
        )
    return found


def ruled(logits: Array, rules: Sequence[Rule], history: History, new: int) -> Array:
    """Return `logits` after all `rules`."""
    for rule in rules:
        logits = rule(logits, history, new)
    return logits


def _penalised(penalty: float) -> Rule:
    def rule(logits: Array, history: History, new: int) -> Array:
        changed = logits.copy()
        for row, ids in enumerate(history):
            seen = np.unique(np.asarray(ids, dtype=np.int64))
            seen = seen[seen < logits.shape[-1]]
            scores = changed[row, seen]
            changed[row, seen] = np.where(scores < 0, scores * penalty, scores / penalty)
        return changed

    return rule


def _unrepeated(size: int) -> Rule:
    def rule(logits: Array, history: History, new: int) -> Array:
        changed = logits.copy()
        for row, ids in enumerate(history):
            begun = list(ids[len(ids) + 1 - size :]) if size > 1 else []
            if len(ids) < size:
                continue
            for place in range(len(ids) - size + 1):
                if list(ids[place : place + size - 1]) == begun and ids[place + size - 1] < logits.shape[-1]:
                    changed[row, ids[place + size - 1]] = -np.inf
        return changed

    return rule


def _unwritten(words: Sequence[Sequence[int]], ends: frozenset[int]) -> Rule:
    """Forbid the last token of each of `words` where those before it have been written; an end is never forbidden."""
    banned = [list(word) for word in words if not (len(word) == 1 and word[0] in ends)]

    def rule(logits: Array, history: History, new: int) -> Array:
        changed = logits.copy()
        for row, ids in enumerate(history):
            for *before, last in banned:
                if last < logits.shape[-1] and (not before or list(ids[-len(before) :]) == before):
                    changed[row, last] = -np.inf
        return changed

    return rule


Applies = Callable[[int, int], bool]  # how many ids were read or written, how many of them are new


def _unended(applies: Applies, ends: frozenset[int]) -> Rule:
    return _suppressed(applies, sorted(ends))


def _suppressed(applies: Applies, tokens: Sequence[int]) -> Rule:
    """Forbid `tokens` in the rows to which that applies."""

    def change(chosen: Array) -> None:
        chosen[:, [token for token in tokens if token < chosen.shape[-1]]] = -np.inf

    return _where(applies, change)


def _forced(name: str, applies: Applies, tokens: int | Sequence[int]) -> Rule:
    """Leave `tokens`, one or several, as the only choice in the rows to which that applies; `name` is the option."""
    only = [tokens] if isinstance(tokens, int) else list(tokens)

    def change(chosen: Array) -> None:
        if max(only) >= chosen.shape[-1]:
            raise InputError(
                f"{name} is {tokens}, but the model's vocabulary has {chosen.shape[-1]} tokens; give one of these"
            )
        chosen[:] = -np.inf
        chosen[:, only] = 0

    return _where(applies, change)


def _where(applies: Applies, change: Callable[[Array], None]) -> Rule:
    """Return the rule that makes `change` to the logits of the rows to which `applies` does, (rows, vocabulary)."""

    def rule(logits: Array, history: History, new: int) -> Array:
        rows = [row for row, ids in enumerate(history) if applies(len(ids), new)]
        if not rows:
            return logits
        changed, chosen = logits.copy(), logits[rows]
        change(chosen)
        changed[rows] = chosen
        return changed

    return rule


def likely(logits: Array, options: Options, *, least: int = 1) -> tuple[Array, Array]:
    """Return the ids that may be drawn from one row of logits (vocabulary,), likeliest first, and their scores.

    The row is divided by the temperature, then `top_k`, `top_p` and `min_p` leave out one after the other; `top_p` is
    a share of what `top_k` leaves. At least `least` stay.
    """
    scores = logits.astype(np.float64) / options["temperature"]
    ids: Array = np.arange(scores.size)
    count = max(int(options["top_k"]), least) if options["top_k"] else scores.size
    if count < scores.size:
        ids = np.flatnonzero(scores >= np.partition(scores, scores.size - count)[scores.size - count])
    ids = ids[np.argsort(-scores[ids], kind="stable")]
    scores = scores[ids]
    if options["top_p"] < 1:
        shares = softmax(scores)
        ids, scores = _kept(ids, scores, np.cumsum(shares) - shares < options["top_p"], least)
    if options["min_p"] is not None:
        shares = softmax(scores)
        ids, scores = _kept(ids, scores, shares >= options["min_p"] * shares[0], least)
    return ids, scores


def _kept(ids: Array, scores: Array, chosen: Array, least: int) -> tuple[Array, Array]:
    chosen[:least] = True
    return ids[chosen], scores[chosen]


def warped(logits: Array, options: Options, *, least: int) -> Array:
    """Return logits (rows, vocabulary) over the temperature, minus infinity where a token may not be drawn."""
    result: Array = np.full(logits.shape, -np.inf)
    for row, each in enumerate(logits):
        ids, scores = likely(each, options, least=least)
        result[row, ids] = scores
    return result


def picked(logits: Array, options: Options, random: np.random.Generator) -> Array:
    """Return one token per row of `logits` (rows, vocabulary), the likeliest or drawn from the likeliest, (rows,)."""
    if not options["do_sample"]:
        best: Array = logits.argmax(axis=-1).astype(np.int64)
        return best
    drawn = []
    for row in logits:
        ids, scores = likely(row, options)
        reached = np.cumsum(softmax(scores))
        drawn.append(ids[(random.random() * reached[-1] < reached).argmax()])
    return np.asarray(drawn, dtype=np.int64)
