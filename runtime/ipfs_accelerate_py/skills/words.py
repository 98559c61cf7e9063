"""Tokens to words, as transformers' tokenizer of Whisper groups them: each with the places of its tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_BROKEN = "\N{REPLACEMENT CHARACTER}"
_WITHOUT_SPACES = frozenset({"chinese", "japanese", "thai", "lao", "myanmar", "cantonese"})
_BEFORE = "\"'“¡¿([{-"  # belongs to the word after it, where a space stands in front
_AFTER = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 - those of Chinese, as transformers has them
_ALONE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


@dataclass
class Word:
    """Some text, and the places of its tokens in the list that it was made of."""

    text: str
    places: list[int]


def words(
    tokens: Sequence[int], decode: Callable[[Sequence[int]], str], *, language: str | None, end: int
) -> list[Word]:
    """Return the words of `tokens`; `language` is its English name in small letters, English where nobody knows it.

    `end` is the token that ends a text: from it on tokens stand for no text, and each is a word of its own.
    """
    found = _characters(tokens, decode)
    if language not in _WITHOUT_SPACES:
        found = _spaced(found, tokens, end)
    _join_before(found)
    _join_after(found)
    return [each for each in found if each.places]


def _characters(tokens: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[Word]:
    """Return the shortest runs of tokens that are whole characters; one that no token completes is left out."""
    whole = decode(tokens)
    found: list[Word] = []
    places: list[int] = []
    given = 0
    for place in range(len(tokens)):
        places.append(place)
        text = decode([tokens[each] for each in places])
        broken = text.find(_BROKEN)
        if broken < 0 or given + broken >= len(whole) or whole[given + broken] == _BROKEN:
            found.append(Word(text, places))
            places = []
            given += len(text)
    return found


def _spaced(parts: Sequence[Word], tokens: Sequence[int], end: int) -> list[Word]:
    """Return `parts` put together up to the next space or sign."""
    found: list[Word] = []
    for part in parts:
        begins = tokens[part.places[0]] >= end or part.text.startswith(" ") or part.text.strip() in _ALONE
        if begins or not found:
            found.append(part)
        else:
            found[-1] = Word(found[-1].text + part.text, found[-1].places + part.places)
    return found


def _join_before(found: list[Word]) -> None:
    """Give each sign that stands before a word to it; what was given away has no places any more."""
    last = len(found) - 1
    for place in range(len(found) - 2, -1, -1):
        sign = found[place]
        if sign.text.startswith(" ") and sign.text.strip() in _BEFORE:
            found[last] = Word(sign.text + found[last].text, sign.places + found[last].places)
            found[place] = Word("", [])
        else:
            last = place


def _join_after(found: list[Word]) -> None:
    """Give each sign that stands after a word to it."""
    last = 0
    for place in range(1, len(found)):
        sign = found[place]
        if not found[last].text.endswith(" ") and sign.text in _AFTER:
            found[last] = Word(found[last].text + sign.text, found[last].places + sign.places)
            found[place] = Word("", [])
        else:
            last = place
