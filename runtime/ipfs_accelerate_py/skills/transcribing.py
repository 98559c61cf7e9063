"""A sound of any length to tokens, window after window: each begins where the last whole sentence ended.

As transformers' `generate` does for Whisper: what a window says after its last pair of marks is thrown away, and the
next window begins at that mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from ipfs_accelerate_py.skills.alignment import token_places
from ipfs_accelerate_py.skills.arrays import Array, Features
from ipfs_accelerate_py.skills.generation import Generator, check, picked
from ipfs_accelerate_py.skills.head import Options
from ipfs_accelerate_py.skills.seq2seq import START, EncodedSession
from ipfs_accelerate_py.skills.session import ROOM, Session
from ipfs_accelerate_py.skills.speech_rules import allowed, log_softmax
from ipfs_accelerate_py.skills.speech_settings import Prompt, SpeechSettings

FRAMES = "frames"  # of a row where times of words are wanted: those that silence does not fill up
WORDS = "word"  # the value of the option `return_timestamps`
SOUNDS_PER_BATCH = 8  # an encoder of 1500 places has large matrices of attention


@dataclass
class _Listening:
    """A sound on its way: how far it was heard, and what was written of it."""

    row: Features
    prompt: Prompt
    seek: int = 0  # frames
    tokens: list[int] = field(default_factory=list)
    likely: list[float] = field(
        default_factory=list
    )  # the logarithm of each token's probability, ends included
    times: list[float] | None = None  # when each token ended, in seconds, where words are wanted

    @property
    def answer(self) -> dict[str, Array]:
        times = {} if self.times is None else {"times": np.asarray(self.times, dtype=np.float32)}
        return {
            **times,
            "tokens": np.asarray(self.tokens, dtype=np.int64),
            "logprobs": np.asarray(self.likely, dtype=np.float32),
            "prompt": np.asarray(self.prompt, dtype=np.int64),
        }


@dataclass(frozen=True)
class Transcribing:
    """How the rows of speech recognition become tokens: the `run` of its steps.

    `sound` names the array that the encoder takes. Where it is a spectrogram of fixed length, (bands, frames), `frames`
    is that length, and `stride` the frames of one mark of time, which are `precision` seconds.
    """

    settings: SpeechSettings
    sound: str
    frames: int | None
    stride: int
    precision: float = 0.0

    def __call__(
        self, generator: Generator, rows: Sequence[Features], options: Options
    ) -> list[dict[str, Array]]:
        """Return for each row its `tokens`, without those that end it, their `logprobs`, and its `prompt`."""
        check(options)
        random = np.random.default_rng(options["seed"])
        timed = {place: self._timed(row, options) for place, row in enumerate(rows)}
        sounds = [
            _Listening(row, self.settings.prompt(options["language"], options["task"], timed=timed[place]))
            for place, row in enumerate(rows)
        ]
        for kind in (False, True):  # those with marks of time have other prompts and rules than those without
            waiting = [each for place, each in enumerate(sounds) if timed[place] is kind]
            while waiting:
                for start in range(0, len(waiting), SOUNDS_PER_BATCH):
                    self._listen(
                        generator, waiting[start : start + SOUNDS_PER_BATCH], options, random, timed=kind
                    )
                waiting = [each for each in waiting if each.seek < self._length(each.row)]
        return [each.answer for each in sounds]

    def _timed(self, row: Features, options: Options) -> bool:
        longer = self.frames is not None and self._length(row) > self.frames
        return self.settings.knows_time and (longer or bool(options["return_timestamps"]))

    def _length(self, row: Features) -> int:
        return int(row[self.sound].shape[-1])

    def _listen(
        self,
        generator: Generator,
        sounds: Sequence[_Listening],
        options: Options,
        random: np.random.Generator,
        *,
        timed: bool,
    ) -> None:
        """Hear one window of each sound, and go on to the next."""
        batch = generator.batch([self._window(each) for each in sounds])
        with generator.engine.decoding() as decoder:
            session = generator.session(generator.engine, decoder)
            logits = self._begun(session, batch, sounds)
            room = [min(options["max_new_tokens"], int(each.row[ROOM]) - len(each.prompt)) for each in sounds]
            written, likely = self._written(session, logits, room, options, random, timed=timed)
        worded = options["return_timestamps"] == WORDS
        times = self._times(generator, session, sounds, written) if worded else [[] for _ in sounds]
        for sound, tokens, chances, ended in zip(sounds, written, likely, times, strict=True):
            sound.likely += chances
            said = tokens[:-1] if tokens and tokens[-1] in self.settings.ends else tokens
            kept, moved = self._segments(said)
            sound.tokens += kept
            if worded:
                sound.times = [*(sound.times or []), *ended[: len(kept)]]
            sound.seek += moved or self._length(sound.row)

    def _window(self, sound: _Listening) -> dict[str, Array]:
        start = np.asarray([self.settings.start], dtype=np.int64)
        part = {**{name: array for name, array in sound.row.items() if name != FRAMES}, START: start}
        if self.frames is not None:
            heard = sound.row[self.sound][..., sound.seek : sound.seek + self.frames]
            missing = self.frames - heard.shape[-1]
            part[self.sound] = np.pad(heard, ((0, 0), (0, missing))) if missing else heard
        return part

    def _begun(self, session: Session, batch: dict[str, Array], sounds: Sequence[_Listening]) -> Array:
        """Return the logits after the prompts; a language that nobody named is the likeliest after the first token."""
        logits = session.begin(batch)
        known = list(self.settings.languages.values())
        for place, sound in enumerate(sounds):
            if None in sound.prompt:
                heard = known[int(logits[place, known].argmax())]
                sound.prompt = tuple(heard if token is None else token for token in sound.prompt)
        rest = np.asarray([each.prompt[1:] for each in sounds], dtype=np.int64)
        return session.step(rest) if rest.size else logits

    def _written(
        self,
        session: Session,
        logits: Array,
        room: Sequence[int],
        options: Options,
        random: np.random.Generator,
        *,
        timed: bool,
    ) -> tuple[list[list[int]], list[list[float]]]:
        """Return the tokens that follow in each row, up to and with one that ends it, and how likely each was."""
        written: list[list[int]] = [[] for _ in room]
        likely: list[list[float]] = [[] for _ in room]
        going = np.arange(len(room))
        kept = np.flatnonzero(np.asarray(room) > 0)
        while kept.size:
            if kept.size < going.size:  # a row that has ended is computed no further
                session.reorder(kept)
                going, logits = going[kept], logits[kept]
            scores = allowed(logits, [written[row] for row in going], self.settings, timed=timed)
            ids = picked(scores, options, random)
            chances = np.take_along_axis(log_softmax(scores), ids[:, np.newaxis], axis=-1)[:, 0]
            for row, token, chance in zip(going, ids, chances, strict=True):
                written[row].append(int(token))
                likely[row].append(float(chance))
            kept = np.flatnonzero(
                [
                    int(token) not in self.settings.ends and len(written[row]) < room[row]
                    for row, token in zip(going.tolist(), ids, strict=True)
                ]
            )
            if kept.size:
                logits = session.step(ids[:, np.newaxis])
        return written, likely

    def _times(
        self,
        generator: Generator,
        session: Session,
        sounds: Sequence[_Listening],
        written: Sequence[Sequence[int]],
    ) -> list[list[float]]:
        """Return when each token of a window ended, in seconds from the beginning of the sound.

        The decoder reads what was written once more, all at once, and tells where it listened meanwhile. The last token
        of a window, most often one that ends it, is read by nobody and has the time of the one before.
        """
        longest = max(map(len, written)) - 1
        if longest < 1:
            return [[0.0] * len(tokens) for tokens in written]
        ids = np.zeros((len(sounds), longest), dtype=np.int64)
        for row, tokens in enumerate(written):
            ids[row, : len(tokens) - 1] = tokens[:-1]
        with generator.engine.decoding() as decoder:
            again = cast("EncodedSession", session).again(decoder)
            again.step(np.asarray([each.prompt for each in sounds], dtype=np.int64))
            again.step(ids)
            weights = again.listened()
        return [
            self._ended(sound, weights[row, :, : max(len(tokens) - 1, 0)], len(tokens))
            for row, (sound, tokens) in enumerate(zip(sounds, written, strict=True))
        ]

    def _ended(self, sound: _Listening, weights: Array, count: int) -> list[float]:
        """Return when each of `count` tokens ended, by the `weights` (heads, tokens, places) of all but the last."""
        offset = np.float32(sound.seek / self.stride * self.precision)
        if not weights.shape[1]:
            return [float(offset)] * count
        # As in transformers, also where a window begins after the last frame: its end is cut off by as much, twice.
        left = int(sound.row[FRAMES] if FRAMES in sound.row else self._length(sound.row)) - sound.seek
        heard = weights[..., : left // self.stride][..., : left // self.stride]
        places = token_places(heard, self.settings.filter_width)
        times = (places * self.precision).astype(np.float32) + offset
        return [*times.tolist(), float(times[-1])]

    def _segments(self, tokens: list[int]) -> tuple[list[int], int]:
        """Return what of a window's tokens counts, and how many frames further the next one begins."""
        whole = self.frames or 0
        if self.settings.untimed is None:
            return tokens, whole
        marks = [token > self.settings.untimed for token in tokens]
        pairs = [place for place in range(1, len(marks)) if marks[place - 1] and marks[place]]
        if not pairs or marks[-2:] == [False, True]:  # no sentence ends within, or none is left unfinished
            return tokens, whole
        last = pairs[-1]
        return tokens[: last + 1], (tokens[last - 1] - self.settings.untimed - 1) * self.stride


def confidence(logprobs: Array) -> float:
    """Return the mean probability of what was written, the geometric one: exp of the mean logarithm."""
    return float(np.exp(np.mean(logprobs, dtype=np.float64))) if logprobs.size else 0.0
