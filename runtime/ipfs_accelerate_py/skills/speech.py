"""Speech recognition with a decoder: a checkpoint's sounds to rows, and the tokens of rows to an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array, Features
from ipfs_accelerate_py.skills.audio import READY, AudioInput
from ipfs_accelerate_py.skills.audio_features import LogMelExtractor
from ipfs_accelerate_py.skills.generation import OPTIONS as OF_DECODERS
from ipfs_accelerate_py.skills.head import Answer, Example, Options
from ipfs_accelerate_py.skills.languages import LANGUAGES
from ipfs_accelerate_py.skills.seq2seq import START
from ipfs_accelerate_py.skills.session import ROOM
from ipfs_accelerate_py.skills.speech_options import OPTIONS as OF_SPEECH
from ipfs_accelerate_py.skills.speech_settings import SpeechSettings
from ipfs_accelerate_py.skills.text import TextInput
from ipfs_accelerate_py.skills.transcribing import FRAMES, WORDS, Transcribing, confidence
from ipfs_accelerate_py.skills.transcript import Heard, transcript
from ipfs_accelerate_py.skills.windows import Window

# What a decoder of text takes and one of speech does not: windows of a sound are heard to their end.
_OF_TEXT = frozenset({"return_full_text", "stop_strings"})
OPTIONS: Mapping[str, Any] = {
    **{name: value for name, value in OF_DECODERS.items() if name not in _OF_TEXT},
    **OF_SPEECH,
    "max_new_tokens": 256,  # for each window; the default of transformers' pipeline
    "language": None,
    "task": None,
    "return_timestamps": None,
    "return_language": False,
    "chunk_length_s": 0,
    "stride_length_s": None,
}


@dataclass(frozen=True)
class Speech:
    """How a checkpoint takes sounds and writes texts; `sound` names the array, `places` are the decoder's."""

    audio: AudioInput
    text: TextInput
    settings: SpeechSettings
    sound: str
    places: int

    @cached_property
    def frames(self) -> int | None:
        """Frames of the window that the encoder takes; None where it takes all of any sound."""
        shape = self.audio.extractor.shape
        return None if shape is None else shape[-1]

    @cached_property
    def transcribing(self) -> Transcribing:
        """How rows become tokens."""
        return Transcribing(
            self.settings,
            self.sound,
            self.frames,
            stride=self._stride,
            precision=self._precision,
            encode=self._encoded,
        )

    def _encoded(self, text: str) -> list[int]:
        return list(self.text.tokenizer.encode(text, add_special_tokens=False).ids)

    @property
    def _precision(self) -> float:
        """Seconds from one mark of time to the next."""
        return self._stride * self._seconds_of_a_frame

    @property
    def _stride(self) -> int:
        """Frames from one mark of time to the next."""
        positions = self.audio.checkpoint.number("max_source_positions")
        return (self.frames or 0) // positions if positions else 1

    def examples(self, items: Sequence[Any], options: Options) -> list[Example]:
        """Return each sound as one row, however long it is, or as the windows that `chunk_length_s` asks for.

        Raises:
            InputError: an item or an option cannot be used.
        """
        self._check(options)
        worded = options["return_timestamps"] == WORDS
        if options["chunk_length_s"]:
            cut = self.audio.windows(items, options["chunk_length_s"], options["stride_length_s"])
            return [
                Example(
                    tuple(
                        (
                            self._row(each.arrays, self._frames(place))
                            if worded and place
                            else self._row(each.arrays)
                        )
                        for each, place in parts
                    ),
                    [place for _, place in parts],
                )
                for parts in cut
            ]
        return [
            Example((self._whole(item, index, worded=worded),), [None]) for index, item in enumerate(items)
        ]

    def _check(self, options: Options) -> None:
        wanted = options["return_timestamps"]
        if wanted not in (None, False, True, WORDS):
            raise InputError(
                f"return_timestamps is {wanted!r}; a decoder of speech tells the times of sentences, with True, or of "
                f'words, with "{WORDS}"'
            )
        if wanted and not self.settings.knows_time:
            raise InputError(
                "return_timestamps: generation_config.json has no no_timestamps_token_id, so that this checkpoint "
                "tells no times; leave it out"
            )
        if wanted == WORDS and not self.settings.aligned:
            raise InputError(
                "return_timestamps: generation_config.json has no alignment_heads, so that this checkpoint tells no "
                "times of words; ask for those of sentences, with True"
            )

    def _whole(self, item: Any, index: int, *, worded: bool) -> Features:
        if isinstance(item, Mapping) and any(name in item for name in READY):
            return self._row(self.audio.given(item, index).arrays)
        wave, extractor = self.audio.wave(item, index), self.audio.extractor
        if isinstance(extractor, LogMelExtractor) and len(wave) > extractor.longest:
            return self._row({self.sound: extractor.log_mel(wave, len(wave))})
        frames = self._frames(Window(0, len(wave), 0, 0)) if worded else None
        return self._row(self.audio.features(wave).arrays, frames)

    def _frames(self, place: Window) -> int | None:
        """Return how many frames of what the encoder takes are heard in `place`; None where it takes all."""
        extractor = self.audio.extractor
        if not isinstance(extractor, LogMelExtractor):
            return None
        return -(-min(place.end - place.start, extractor.longest) // extractor.hop)

    def _row(self, arrays: Features, frames: int | None = None) -> Features:
        """Return the row of a sound, of which silence fills up what is after `frames`, if that is known."""
        start = np.asarray([self.settings.start], dtype=np.int64)
        known = {} if frames is None else {FRAMES: np.asarray(frames)}
        return {**arrays, START: start, ROOM: np.asarray(self.places), **known}

    def answer(self, example: Example, rows: Sequence[Mapping[str, Array]], options: Options) -> Answer:
        """Return the text of the windows of one sound, how sure the model was, and its sentences if wanted."""
        languages = {token: name for name, token in self.settings.languages.items()}
        said = [
            [token for token in row["prompt"].tolist() if token in languages and options["return_language"]]
            for row in rows
        ]
        heard = [
            Heard(
                [*language, *row["tokens"].tolist()],
                self._shared(place),
                [0.0] * len(language) + row["times"].tolist() if "times" in row else None,
            )
            for language, row, place in zip(said, rows, example.context, strict=True)
        ]
        untimed = self.settings.untimed
        answer: Answer = transcript(
            heard,
            self.text,
            mark=None if untimed is None else untimed + 1,
            precision=self._precision,
            timed=bool(options["return_timestamps"]),
            with_language=bool(options["return_language"]),
            worded=options["return_timestamps"] == WORDS,
        )
        answer["confidence"] = confidence(np.concatenate([row["logprobs"] for row in rows]))
        answer["tokens"] = [token for row in rows for token in row["tokens"].tolist()]
        named = [languages[token] for token in rows[0]["prompt"].tolist() if token in languages]
        if named:
            answer["language"] = LANGUAGES.get(named[0][2:-2], named[0])
        return answer

    @property
    def _seconds_of_a_frame(self) -> float:
        extractor = self.audio.extractor
        return extractor.hop / extractor.rate if isinstance(extractor, LogMelExtractor) else 0.0

    def _shared(self, place: Window | None) -> tuple[float, float, float] | None:
        if place is None:
            return None
        rate = self.audio.rate
        return (place.end - place.start) / rate, place.left / rate, place.right / rate
