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
from ipfs_accelerate_py.skills.speech_settings import SpeechSettings
from ipfs_accelerate_py.skills.text import TextInput
from ipfs_accelerate_py.skills.transcribing import Transcribing, confidence
from ipfs_accelerate_py.skills.transcript import Heard, transcript
from ipfs_accelerate_py.skills.windows import Window

OPTIONS: Mapping[str, Any] = {
    **{name: value for name, value in OF_DECODERS.items() if name != "return_full_text"},
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
        return Transcribing(self.settings, self.sound, self.frames, stride=self._stride)

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
        if options["chunk_length_s"]:
            cut = self.audio.windows(items, options["chunk_length_s"], options["stride_length_s"])
            return [
                Example(tuple(self._row(sound.arrays) for sound, _ in parts), [place for _, place in parts])
                for parts in cut
            ]
        return [Example((self._row(self._whole(item, index)),), [None]) for index, item in enumerate(items)]

    def _check(self, options: Options) -> None:
        wanted = options["return_timestamps"]
        if wanted not in (None, False, True):
            raise InputError(
                f"return_timestamps is {wanted!r}; a decoder of speech tells the times of sentences, with True, "
                "and none of words"
            )
        if wanted and not self.settings.knows_time:
            raise InputError(
                "return_timestamps: generation_config.json has no no_timestamps_token_id, so that this checkpoint "
                "tells no times; leave it out"
            )

    def _whole(self, item: Any, index: int) -> Features:
        if isinstance(item, Mapping) and any(name in item for name in READY):
            return self.audio.given(item, index).arrays
        wave, extractor = self.audio.wave(item, index), self.audio.extractor
        if isinstance(extractor, LogMelExtractor) and len(wave) > extractor.longest:
            return {self.sound: extractor.log_mel(wave, len(wave))}
        return self.audio.features(wave).arrays

    def _row(self, arrays: Features) -> Features:
        start = np.asarray([self.settings.start], dtype=np.int64)
        return {**arrays, START: start, ROOM: np.asarray(self.places)}

    def answer(self, example: Example, rows: Sequence[Mapping[str, Array]], options: Options) -> Answer:
        """Return the text of the windows of one sound, how sure the model was, and its sentences if wanted."""
        languages = {token: name for name, token in self.settings.languages.items()}
        said = [
            [token for token in row["prompt"].tolist() if token in languages and options["return_language"]]
            for row in rows
        ]
        heard = [
            Heard([*language, *row["tokens"].tolist()], self._shared(place))
            for language, row, place in zip(said, rows, example.context, strict=True)
        ]
        untimed = self.settings.untimed
        answer: Answer = transcript(
            heard,
            self.text,
            mark=None if untimed is None else untimed + 1,
            precision=self._stride * self._seconds_of_a_frame,
            timed=bool(options["return_timestamps"]),
            with_language=bool(options["return_language"]),
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
