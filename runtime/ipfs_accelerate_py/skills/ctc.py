"""From frames to words: what a model that was trained with connectionist temporal classification (CTC) wrote.

It gives one token per frame. Equal tokens in a row are one, and the blank, which is the tokenizer's pad token, is
none. The rules are those of transformers' Wav2Vec2CTCTokenizer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.scores import softmax

_TIDIED = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")  # the space before is dropped


@dataclass(frozen=True)
class Letter:
    """One written token: its text, the frames that it stands for, the last one excluded, and its probability."""

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Spelling:
    """The tokens of a checkpoint by id, and what some of them mean."""

    tokens: Mapping[int, str]
    unknown: str
    blank: str
    delimiter: str
    space: str  # what the delimiter is written as
    lower: bool
    tidy: bool

    def letters(self, logits: Array) -> list[Letter]:
        """Return what the likeliest tokens of `logits`, (frames, tokens), spell."""
        scores = softmax(logits.astype(np.float64)).max(axis=-1)
        frames = enumerate(self.tokens.get(int(token), self.unknown) for token in logits.argmax(axis=-1))
        found = []
        for text, run in groupby(frames, key=lambda frame: frame[1]):
            places = [place for place, _ in run]
            if text != self.blank:
                written = self.space if text == self.delimiter else text
                score = float(scores[places[0] : places[-1] + 1].max())
                found.append(Letter(written, places[0], places[-1] + 1, score))
        return found

    def text(self, letters: Sequence[Letter]) -> str:
        """Return `letters` as running text."""
        text = "".join(letter.text for letter in letters).strip()
        text = text.lower() if self.lower else text
        for spaced in _TIDIED if self.tidy else ():
            text = text.replace(spaced, spaced.strip())
        return text

    def words(self, letters: Sequence[Letter]) -> list[Letter]:
        """Return the words that `letters` make, each with its frames and the mean of its letters' probabilities."""
        runs = groupby(letters, key=lambda letter: letter.text == self.space)
        return [_joined(list(run)) for is_space, run in runs if not is_space]


def _joined(letters: Sequence[Letter]) -> Letter:
    text = "".join(letter.text for letter in letters)
    return Letter(text, letters[0].start, letters[-1].end, _mean([letter.score for letter in letters]))


def _mean(scores: Sequence[float]) -> float:
    return float(np.mean(scores))


def confidence(letters: Sequence[Letter], logits: Array) -> float:
    """Return the mean probability of what was written; where nothing was, of the blanks."""
    if letters:
        return _mean([letter.score for letter in letters])
    return float(softmax(logits.astype(np.float64)).max(axis=-1).mean())


def spelling(checkpoint: Checkpoint) -> Spelling:
    """Return what vocab.json and tokenizer_config.json say.

    Raises:
        CheckpointError: vocab.json is missing, or has one vocabulary for each language and none is chosen.
    """
    settings = checkpoint.json("tokenizer_config.json")
    vocabulary: Any = checkpoint.json_value("vocab.json")
    language = settings.get("target_lang")
    if language is not None and isinstance(vocabulary, dict):
        vocabulary = vocabulary.get(language)
    if not isinstance(vocabulary, dict) or not all(isinstance(place, int) for place in vocabulary.values()):
        chosen = f" for the target_lang {language!r}" if language is not None else ""
        raise CheckpointError(
            f"{checkpoint.folder}: vocab.json has no tokens with their ids{chosen}; save the tokenizer again"
        )
    added = settings.get("added_tokens_decoder") or {}
    tokens = {int(place): str(_content(entry)) for place, entry in added.items()}
    tokens |= {place: str(token) for token, place in vocabulary.items()}
    return Spelling(
        tokens=tokens,
        unknown=str(_content(settings.get("unk_token", "<unk>"))),
        blank=str(_content(settings.get("pad_token", "<pad>"))),
        delimiter=str(_content(settings.get("word_delimiter_token", "|"))),
        space=str(settings.get("replace_word_delimiter_char", " ")),
        lower=bool(settings.get("do_lower_case", False)),
        tidy=bool(settings.get("clean_up_tokenization_spaces", False)),
    )


def _content(written: Any) -> Any:
    return written.get("content") if isinstance(written, dict) else written


def chunks(spelled: Spelling, letters: Sequence[Letter], kind: Any, seconds: float) -> list[dict[str, Any]]:
    """Return letters or words, as `kind` says, with the seconds from and to, where a frame lasts `seconds`.

    Raises:
        InputError: `kind`, which users give as the option `return_timestamps`, is neither "char" nor "word".
    """
    if kind not in ("char", "word"):
        raise InputError(f'return_timestamps is {kind!r}; it is "char", "word" or None')
    found = letters if kind == "char" else spelled.words(letters)
    return [{"text": each.text, "timestamp": [each.start * seconds, each.end * seconds]} for each in found]
