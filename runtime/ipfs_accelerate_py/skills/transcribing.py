"""A sound of any length to tokens, window after window: each begins where the last whole sentence ended.

As transformers' `generate` does for Whisper: what a window says after its last pair of marks is thrown away, and the
next window begins at that mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Features
from ipfs_accelerate_py.skills.generation import Generator, check, picked
from ipfs_accelerate_py.skills.head import Options
from ipfs_accelerate_py.skills.seq2seq import START
from ipfs_accelerate_py.skills.session import ROOM, Session
from ipfs_accelerate_py.skills.speech_rules import allowed, log_softmax
from ipfs_accelerate_py.skills.speech_settings import Prompt, SpeechSettings

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

    @property
    def answer(self) -> dict[str, Array]:
        return {
            "tokens": np.asarray(self.tokens, dtype=np.int64),
            "logprobs": np.asarray(self.likely, dtype=np.float32),
            "prompt": np.asarray(self.prompt, dtype=np.int64),
        }


@dataclass(frozen=True)
class Transcribing:
    """How the rows of speech recognition become tokens: the `run` of its steps.

    `sound` names the array that the encoder takes. Where it is a spectrogram of fixed length, (bands, frames), `frames`
    is that length, and `stride` the frames of one mark of time.
    """

    settings: SpeechSettings
    sound: str
    frames: int | None
    stride: int

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
        for sound, tokens, chances in zip(sounds, written, likely, strict=True):
            sound.likely += chances
            said = tokens[:-1] if tokens and tokens[-1] in self.settings.ends else tokens
            kept, moved = self._segments(said)
            sound.tokens += kept
            sound.seek += moved or self._length(sound.row)

    def _window(self, sound: _Listening) -> dict[str, Array]:
        part = {**sound.row, START: np.asarray([self.settings.start], dtype=np.int64)}
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
        limits = np.asarray(room)
        going = np.arange(len(limits))
        kept = np.flatnonzero(limits > 0)
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
                    int(token) not in self.settings.ends and len(written[row]) < limits[row]
                    for row, token in zip(going, ids, strict=True)
                ]
            )
            if kept.size:
                logits = session.step(ids[:, np.newaxis])
        return written, likely

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
