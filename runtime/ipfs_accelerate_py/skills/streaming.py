"""A text as it is written: pieces that later tokens can no longer change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

_BROKEN = "\N{REPLACEMENT CHARACTER}"  # what a character looks like of which some bytes are still to come


def pieces(tokens: Iterable[int], decode: Callable[[Sequence[int]], str]) -> Iterator[str]:
    """Yield the text of `tokens` in pieces that end with a space, a line or an ideograph; joined, they are all of it.

    A word is held back until it is whole: its next token may still change how it is written.
    """
    seen: list[int] = []
    given = 0
    for token in tokens:
        seen.append(token)
        text = decode(seen)
        end = _final(text)
        if end > given:
            yield text[given:end]
            given = end
    text = decode(seen)
    if len(text) > given:
        yield text[given:]


def _final(text: str) -> int:
    """Return how many characters at the front of `text` will not change."""
    whole = text.rstrip(_BROKEN)
    if len(whole) < len(
        text
    ):  # a decoder may also turn the bytes before into one character with those to come
        return max(whole.rfind(" "), whole.rfind("\n")) + 1
    if text and (text[-1] == "\n" or _is_ideograph(text[-1])):
        return len(text)
    return max(text.rfind(" "), text.rfind("\n")) + 1


def _is_ideograph(character: str) -> bool:
    """Whether it is written without spaces around it: Chinese, and the scripts of Japanese."""
    return "\u3040" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff" or character >= "\U00020000"
