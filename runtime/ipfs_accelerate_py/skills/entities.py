"""Token labels into entities, by the rules of transformers' token-classification pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.text import TextInput, Tokens

STRATEGIES = ("none", "simple", "first", "average", "max")
_BEGINS = ("\u0120", "\u2581")  # how byte-level BPE and SentencePiece write the space before a word
Decode = Callable[[Sequence[str]], str]


@dataclass(frozen=True)
class Token:
    """One token of the text that is not special: its text, where it stands, and the scores of the labels, (labels,)."""

    word: str
    scores: Array
    start: int | None
    end: int | None
    index: int
    continues: bool  # is it the continuation of the word before it


def text_tokens(text: TextInput, source: Any, tokens: Tokens, probabilities: Array) -> list[Token]:
    """Return the tokens of `source` that are not special, each with its row of `probabilities` (tokens, labels).

    Where token ids were given instead of a text, it is not known where a token stands: `start` and `end` are None.
    """
    model = text.tokenizer.model
    prefix = getattr(model, "continuing_subword_prefix", None) or ""
    unknown = text.tokenizer.token_to_id(name) if (name := getattr(model, "unk_token", None)) else None
    found = []
    for index in np.flatnonzero(tokens.special == 0):
        token = int(tokens.ids[index])
        word = str(text.tokenizer.id_to_token(token))
        start, end = (None, None) if tokens.encoding is None else tokens.encoding.offsets[index]
        if start is None or end is None:
            continues = word.startswith(prefix) if prefix else not word.startswith(_BEGINS)
        elif prefix:
            continues = len(word) != end - start
        else:
            continues = start > 0 and " " not in source[start - 1 : start + 1]
        if token == unknown:
            word, continues = word if start is None else source[start:end], False
        found.append(Token(word, probabilities[index], start, end, int(index), continues))
    return found


def entities(
    tokens: Sequence[Token], names: tuple[str, ...], *, strategy: str, ignore: Sequence[str], decode: Decode
) -> list[dict[str, Any]]:
    """Return the entities among `tokens`: one per token for "none", else neighbours of one label grouped together.

    Raises:
        InputError: `strategy` is not known.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"aggregation_strategy is {strategy!r}; it is one of {', '.join(STRATEGIES)}")
    if strategy in ("none", "simple"):
        found = [_labelled(token.scores, names, token) | {"index": token.index} for token in tokens]
    else:
        found = [_word(group, names, strategy, decode) for group in _words(tokens)]
    if strategy != "none":
        found = _grouped(found, decode)
    return [entity for entity in found if entity.get("entity", entity.get("entity_group")) not in ignore]


def _labelled(scores: Array, names: tuple[str, ...], token: Token) -> dict[str, Any]:
    best = int(scores.argmax())
    return {
        "entity": names[best],
        "score": float(scores[best]),
        "word": token.word,
        "start": token.start,
        "end": token.end,
    }


def _words(tokens: Sequence[Token]) -> list[list[Token]]:
    groups: list[list[Token]] = []
    for token in tokens:
        if groups and token.continues:
            groups[-1].append(token)
        else:
            groups.append([token])
    return groups


def _word(group: list[Token], names: tuple[str, ...], strategy: str, decode: Decode) -> dict[str, Any]:
    if strategy == "first":
        scores = group[0].scores
    elif strategy == "max":
        scores = max(group, key=lambda token: float(token.scores.max())).scores
    else:
        scores = np.mean([token.scores for token in group], axis=0)
    word = decode([token.word for token in group])
    return _labelled(scores, names, group[0]) | {"word": word, "end": group[-1].end}


def _grouped(found: list[dict[str, Any]], decode: Decode) -> list[dict[str, Any]]:
    groups: list[list[dict[str, Any]]] = []
    for entity in found:
        begins, kind = _tag(entity["entity"])
        if groups and not begins and kind == _tag(groups[-1][-1]["entity"])[1]:
            groups[-1].append(entity)
        else:
            groups.append([entity])
    return [
        {
            "entity_group": group[0]["entity"].split("-", 1)[-1],
            "score": float(np.mean([entity["score"] for entity in group])),
            "word": decode([entity["word"] for entity in group]),
            "start": group[0]["start"],
            "end": group[-1]["end"],
        }
        for group in groups
    ]


def _tag(label: str) -> tuple[bool, str]:
    """Return whether `label` begins an entity, and the kind of entity; a label without B- or I- continues."""
    if label[:2] in ("B-", "I-"):
        return label.startswith("B-"), label[2:]
    return False, label
