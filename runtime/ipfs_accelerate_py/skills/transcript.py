"""Tokens of speech to a text, its sentences and words with their times, as transformers' pipeline joins windows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.languages import LANGUAGES
from ipfs_accelerate_py.skills.text import TextInput
from ipfs_accelerate_py.skills.words import words

Said = tuple[int, float, float]  # a token, and its start and end in seconds; 0 where nobody asks for words
_MARK = re.compile(r"<\|(\d+\.\d+)\|>")
# Of windows that follow each other within one list of tokens: the constant of transformers, that of 30 seconds.
_PLACES = 1500


class SpokenText(TextInput):
    """The tokenizer of a model of speech: its marks of time are tokens, and no part of a text."""

    def decode(self, ids: Sequence[int] | Array, *, skip_special: bool) -> str:
        """Return the text of `ids`."""
        return _MARK.sub("", super().decode(ids, skip_special=skip_special))


@dataclass(frozen=True)
class Heard:
    """The tokens of one window, and its length and what it shares with its neighbours in seconds, if it does.

    `times` says when each token ended, in seconds, where words are wanted.
    """

    tokens: Sequence[int]
    stride: tuple[float, float, float] | None = None
    times: Sequence[float] | None = None

    def said(self, place: int, offset: float) -> Said:
        """Return one token with its times, counted from `offset`."""
        if self.times is None:
            return self.tokens[place], 0.0, 0.0
        start = self.times[place - 1] if place else 0.0
        return self.tokens[place], round(start + offset, 2), round(self.times[place] + offset, 2)


@dataclass
class _Sentence:
    language: str | None
    start: float | None = None
    end: float | None = None
    text: str = ""
    said: list[Said] = field(default_factory=list)


@dataclass
class _Window:
    """The times of one window: where its marks count from, and which of them belong to its neighbours."""

    offset: float
    first: float  # marks before it repeat what the window before has said
    last: int | None  # marks from it on are said again by the next one
    before: float = 0.0  # seconds of the windows whose tokens stand before in the same list
    latest: float = 0.0
    latest_but_one: float = 0.0


@dataclass
class Transcript:
    """The tokens of windows on their way to sentences.

    `mark` is the token of 0 seconds, None where the checkpoint has no marks; `precision` the seconds from one to the
    next. `timed` says whether sentences are wanted, which then may differ in language.
    """

    text: TextInput
    mark: int | None
    precision: float
    timed: bool
    sentences: list[_Sentence] = field(default_factory=list)
    _language: str | None = None
    _open: list[list[Said]] = field(default_factory=list)  # what windows said since the last sentence ended
    _skipping: bool = False

    def __post_init__(self) -> None:
        self._sentence = _Sentence(None)

    def read(self, windows: Sequence[Heard]) -> list[_Sentence]:
        """Return the sentences of `windows`, in order."""
        offset = 0.0
        for heard in windows:
            offset = self._window(heard, offset)
        if self._open:
            self._close()
        return self.sentences

    def _window(self, heard: Heard, offset: float) -> float:
        """Read one window whose first place is at `offset` seconds; return where the next one begins."""
        length, left, right = heard.stride or (0.0, 0.0, 0.0)
        first = float(self.mark or 0) + (left / self.precision if left else 0.0)
        last = self._last(heard.tokens, length - right) if right else None
        times = _Window(offset - left, first, last)
        said: list[Said] = []
        for place, token in enumerate(heard.tokens):
            if token in self.text.special_tokens:
                said = self._special(self.text.special_tokens[token], said)
            elif self.mark is not None and token >= self.mark:
                said = self._mark(heard.tokens, place, times, said)
            else:
                said.append(heard.said(place, times.offset))
        if said:
            self._open.append(said)
        elif not any(self._open):
            self._sentence, self._open = _Sentence(self._language), []
        return times.offset + length - right

    def _last(self, tokens: Sequence[int], end: float) -> int | None:
        """Return the first mark that falls into what the next window hears, too; the very last one always does."""
        found = None
        for token in reversed(tokens):
            if self.mark is not None and token >= self.mark:
                if found is not None and (token - self.mark) * self.precision < end:
                    break
                found = token
        return found

    def _special(self, name: str, said: list[Said]) -> list[Said]:
        """Take note of a language; other special tokens say nothing. Return what is said since."""
        language = LANGUAGES.get(name[2:-2])
        if language is None:
            return said
        if self._language and language != self._language and not self.timed:
            self._open.append(said)
            self._close()
            said = []
        self._sentence.language = self._language = language
        return said

    def _mark(self, tokens: Sequence[int], place: int, times: _Window, said: list[Said]) -> list[Said]:
        """Begin or end a sentence, where the mark belongs to this window; return what is said since."""
        token, mark = tokens[place], self.mark or 0
        seconds = float((token - mark) * self.precision)
        if seconds < times.latest:  # another window of the same list has begun
            ended_alone = place >= 2 and not (tokens[place - 1] >= mark and tokens[place - 2] >= mark)
            if ended_alone:
                times.before += self.precision * _PLACES
            else:
                times.latest = times.latest_but_one
                times.before += times.latest_but_one
        times.latest_but_one, times.latest = times.latest, seconds
        at = round((token - mark) * self.precision + times.offset + times.before, 2)
        if times.last and token >= times.last:
            self._skipping = True  # marks stand in pairs, so the next is skipped as well
        elif self._skipping or (self._open and token < times.first):
            self._skipping = False
        elif self._sentence.start is None:
            self._sentence.start = at
        elif at != self._sentence.start:  # a sentence of no length is the beginning said twice
            self._sentence.end = at
            self._open.append(said)
            self._close()
            return []
        return said

    def _close(self) -> None:
        self._sentence.said = merged(self._open)
        tokens = [token for token, _, _ in self._sentence.said]
        self._sentence.text = _MARK.sub("", self.text.decode(tokens, skip_special=False))
        self.sentences.append(self._sentence)
        self._sentence, self._open = _Sentence(self._language), []


def transcript(
    windows: Sequence[Heard],
    text: TextInput,
    *,
    mark: int | None,
    precision: float,
    timed: bool,
    with_language: bool,
    worded: bool = False,
) -> dict[str, Any]:
    """Return the text of `windows`, and its `chunks` where times or languages are wanted: sentences, or its words."""
    sentences = Transcript(text, mark, precision, timed).read(windows)
    answer: dict[str, Any] = {"text": "".join(each.text for each in sentences)}
    if worded:
        answer["chunks"] = [
            chunk for each in sentences for chunk in _words(each, text, with_language=with_language)
        ]
    elif timed or with_language:
        answer["chunks"] = [_chunk(each, timed=timed, with_language=with_language) for each in sentences]
    return answer


def _chunk(sentence: _Sentence, *, timed: bool, with_language: bool) -> Mapping[str, Any]:
    chunk: dict[str, Any] = {"text": sentence.text}
    if timed:
        chunk["timestamp"] = [sentence.start, sentence.end]
    if with_language:
        chunk["language"] = sentence.language
    return chunk


def _words(sentence: _Sentence, text: TextInput, *, with_language: bool) -> list[dict[str, Any]]:
    """Return the words of a sentence as chunks; without a language of its own that of the tokenizer counts."""
    language = sentence.language or text.checkpoint.json("tokenizer_config.json").get("language")
    found = words(
        [token for token, _, _ in sentence.said],
        partial(text.decode, skip_special=False),
        language=language,
        end=text.special_token("eos_token")[1],
    )
    also = {"language": sentence.language} if with_language else {}
    return [
        {
            "text": word.text,
            "timestamp": [sentence.said[word.places[0]][1], sentence.said[word.places[-1]][2]],
            **also,
        }
        for word in found
    ]


def merged(parts: Sequence[Sequence[Said]]) -> list[Said]:
    """Return what several windows heard as one list: each is laid over the one before where most tokens agree.

    Tokens agree that are the same, and begin and end no earlier. Within the overlap the first half is taken from the
    left and the second from the right, for a window knows least about what is at its edges.
    """
    whole: list[Said] = []
    left = list(parts[0])
    for part in parts[1:]:
        right = list(part)
        same = _agreeing(left, right)
        best, overlap = 0.0, (len(left), len(left), 0, 0)
        for shared in range(1, len(left) + len(right)):
            begin, end = max(0, len(left) - shared), min(len(left), len(left) + len(right) - shared)
            start, stop = max(0, shared - len(left)), min(len(right), shared)
            matches = int(np.trace(same[begin:end, start:stop]))
            share = matches / shared + shared / 10_000  # of equally good ones the longer
            if matches > 1 and share > best:
                best, overlap = share, (begin, end, start, stop)
        begin, end, start, stop = overlap
        whole += left[: (begin + end) // 2]
        left = right[(start + stop) // 2 :]
    return whole + left


def _agreeing(left: Sequence[Said], right: Sequence[Said]) -> Array:
    """Return whether each token of `left` agrees with each of `right`, (left, right)."""
    one, other = (np.asarray(part, dtype=np.float64).reshape(-1, 3) for part in (left, right))
    one, other = one[:, np.newaxis], other[np.newaxis]
    later = (one[..., 1] < other[..., 1]) | ((one[..., 1] == other[..., 1]) & (one[..., 2] <= other[..., 2]))
    found: Array = (one[..., 0] == other[..., 0]) & later
    return found
