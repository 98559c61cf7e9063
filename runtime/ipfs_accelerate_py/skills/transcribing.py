"""A sound of any length to tokens, window after window: each begins where the last whole sentence ended.

As transformers' `generate` does for Whisper: what a window says after its last pair of marks is thrown away, and the
next window begins at that mark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.alignment import token_places
from ipfs_accelerate_py.skills.arrays import Array, Features
from ipfs_accelerate_py.skills.generation import Generator
from ipfs_accelerate_py.skills.head import Options
from ipfs_accelerate_py.skills.seq2seq import START, EncodedSession
from ipfs_accelerate_py.skills.session import ROOM, Session
from ipfs_accelerate_py.skills.speech_options import FIRST, attempts, completed, verdict
from ipfs_accelerate_py.skills.speech_rules import log_softmax
from ipfs_accelerate_py.skills.speech_settings import Prompt, SpeechSettings
from ipfs_accelerate_py.skills.writing import Writing, Written

FRAMES = "frames"  # of a row where times of words are wanted: those that silence does not fill up
WORDS = "word"  # the value of the option `return_timestamps`
_WARM = 0.5  # the temperature from which on transformers lets the next window hear nothing of this one
SOUNDS_PER_BATCH = 8  # an encoder of 1500 places has large matrices of attention


@dataclass
class _Listening:
    """A sound on its way: how far it was heard, and what was written of it."""

    row: Features
    prompt: Prompt
    seek: int = 0  # frames
    tokens: list[int] = field(default_factory=list)
    # The logarithm of each token's probability, ends included.
    likely: list[float] = field(default_factory=list)
    # What windows before have said, as the next one is told; None at the first.
    before: list[int] | None = None
    # Whether a window was tried again by drawing: from then on transformers keeps one beam.
    drawn: bool = False
    # Whether the last window was drawn so freely that the next one should not hear of it.
    warm: bool = False
    # When each token ended, in seconds, where words are wanted.
    times: list[float] | None = None

    @property
    def asked(self) -> list[int]:
        """The prompt, with the token that begins it for a language that is not known yet."""
        return [int(self.prompt[0] or 0) if token is None else token for token in self.prompt]

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
    precision: float
    encode: Callable[[str], list[int]]

    def __call__(
        self, generator: Generator, rows: Sequence[Features], options: Options
    ) -> list[dict[str, Array]]:
        """Return for each row its `tokens`, without those that end it, their `logprobs`, and its `prompt`."""
        options = completed(options, self.settings, self.encode)
        random = np.random.default_rng(options["seed"])
        timed = {place: self._timed(row, options) for place, row in enumerate(rows)}
        sounds = [
            _Listening(row, self.settings.prompt(options["language"], options["task"], timed=timed[place]))
            for place, row in enumerate(rows)
        ]
        alone = options["num_beams"] > 1 or options["condition_on_prev_tokens"]
        at_once = 1 if alone else SOUNDS_PER_BATCH
        if options["prompt_ids"] and options["prompt_condition_type"] == FIRST:
            self._tell(sounds, options["prompt_ids"], self.settings.before)
        for kind in (False, True):  # those with marks of time have other prompts and rules than those without
            waiting = [each for place, each in enumerate(sounds) if timed[place] is kind]
            while waiting:
                for start in range(0, len(waiting), at_once):
                    self._listen(generator, waiting[start : start + at_once], options, random, timed=kind)
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
        """Hear one window of each sound, as often as it takes, and go on to the next."""
        found = [Written() for _ in sounds]
        silent, warm = ([False] * len(sounds) for _ in range(2))
        told = [self._before(each, options) for each in sounds]  # the same at every attempt
        waiting = list(range(len(sounds)))
        if any(each.drawn for each in sounds):  # beams are of one sound at a time
            options = {**options, "num_beams": 1}
        for attempt in attempts(options):
            chosen = [(sounds[place], told[place]) for place in waiting]
            writing = Writing(self.settings, attempt, random, timed)
            again = []
            for place, (written, silence) in zip(
                waiting, self._attempt(generator, chosen, writing), strict=True
            ):
                found[place] = written
                poor, silent[place] = verdict(
                    written.tokens, written.mean, silence, attempt, self.settings.vocabulary
                )
                sounds[place].drawn |= options["num_beams"] > attempt["num_beams"]
                warm[place] = bool(attempt["do_sample"]) and attempt["temperature"] >= _WARM
                again += [place] * poor
            waiting = again
            if not waiting:
                break
        for sound, written, nothing, freely in zip(sounds, found, silent, warm, strict=True):
            sound.warm = freely
            if nothing:
                sound.seek += self.frames or self._length(sound.row)
            else:
                self._take(sound, written, worded=options["return_timestamps"] == WORDS)

    def _take(self, sound: _Listening, written: Written, *, worded: bool) -> None:
        """Go on with what was written of a window."""
        tokens = written.tokens
        sound.likely += written.likely
        said = tokens[:-1] if tokens and tokens[-1] in self.settings.ends else tokens
        kept, moved = self._segments(said)
        sound.tokens += kept
        sound.before = [*(sound.before or []), *self._told(kept)]
        if worded:
            sound.times = [*(sound.times or []), *written.times[: len(kept)]]
        sound.seek += moved or self._length(sound.row)

    def _attempt(
        self, generator: Generator, told: Sequence[tuple[_Listening, list[int]]], writing: Writing
    ) -> list[tuple[Written, float]]:
        """Return what is written of the next window of each sound, and the probability that nothing is said in it.

        `told` are the sounds, and what each window is told before it is asked.
        """
        sounds = [each for each, _ in told]
        self._hear_languages(generator, sounds, writing.options)
        prompts = [[*before, *each.asked] for each, before in told]
        room = [
            min(writing.options["max_new_tokens"], int(each.row[ROOM]) - len(prompt))
            for each, prompt in zip(sounds, prompts, strict=True)
        ]
        if min(room) < 1 and writing.options["prompt_ids"]:
            raise InputError(
                f"prompt_ids: {len(prompts[0])} tokens before the text leave no room; the decoder has "
                f"{int(sounds[0].row[ROOM])} places: shorten the prompt"
            )
        batch = generator.batch(
            [self._window(each, ids[0]) for each, ids in zip(sounds, prompts, strict=True)]
        )
        with generator.engine.decoding() as decoder:
            session = generator.session(generator.engine, decoder)
            logits, silences = self._begun(session, batch, sounds, prompts)
            found = writing(session, logits, prompts, room)
        if writing.options["return_timestamps"] == WORDS:
            times = self._times(generator, session, sounds, prompts, [each.tokens for each in found])
            for each, ended in zip(found, times, strict=True):
                each.times = ended
        return list(zip(found, silences, strict=True))

    def _before(self, sound: _Listening, options: Options) -> list[int]:
        """Return what a window is told before it is asked: a prompt, or what the windows before have said."""
        given = list(options["prompt_ids"])
        if options["condition_on_prev_tokens"] and sound.before is not None and not sound.warm:
            first = options["prompt_condition_type"] == FIRST
            start = [] if self.settings.before is None else [self.settings.before]
            most = int(sound.row[ROOM]) // 2 - 1
            return [*(given if given and not first else start), *sound.before[-most:]]
        return given

    def _told(self, kept: Sequence[int]) -> list[int]:
        """Return what the next window hears of a window's tokens: of two marks that end it only the first."""
        first = self.settings.untimed
        if first is None:
            return list(kept)
        begins = [0, *(place for place in range(1, len(kept)) if min(kept[place - 1 : place + 1]) > first)]
        if len(begins) > 1 and begins[-1] == len(kept) - 1:
            begins.pop()
        told: list[int] = []
        for begin, end in zip(begins, [*begins[1:], len(kept)], strict=True):
            part = list(kept[begin:end])
            doubled = len(part) > 2 and part[-2] > first  # as transformers asks it
            told += part[:-1] if doubled else part
        return told

    @staticmethod
    def _tell(sounds: Sequence[_Listening], ids: Sequence[int], before: int | None) -> None:
        """Let sounds begin as if `ids`, a prompt, had been said in a window before."""
        for sound in sounds:
            sound.before = list(ids[1:] if ids[0] == before else ids)

    def _window(self, sound: _Listening, first: int) -> dict[str, Array]:
        start = np.asarray([first], dtype=np.int64)
        part = {**{name: array for name, array in sound.row.items() if name != FRAMES}, START: start}
        if self.frames is not None:
            heard = sound.row[self.sound][..., sound.seek : sound.seek + self.frames]
            missing = self.frames - heard.shape[-1]
            part[self.sound] = np.pad(heard, ((0, 0), (0, missing))) if missing else heard
        return part

    def _hear_languages(self, generator: Generator, sounds: Sequence[_Listening], options: Options) -> None:
        """Let the decoder say the languages that nobody named, where a prompt stands before the question for them."""
        unknown = [each for each in sounds if None in each.prompt]
        if unknown and options["prompt_ids"]:
            batch = generator.batch([self._window(each, self.settings.start) for each in unknown])
            with generator.engine.decoding() as decoder:
                self._choose(generator.session(generator.engine, decoder).begin(batch), unknown)

    def _choose(self, logits: Array, sounds: Sequence[_Listening]) -> None:
        """Give each sound the likeliest language, by the `logits` after the first token."""
        known = list(self.settings.languages.values())
        for place, sound in enumerate(sounds):
            if None in sound.prompt:
                heard = known[int(logits[place, known].argmax())]
                sound.prompt = tuple(heard if token is None else token for token in sound.prompt)

    def _begun(
        self,
        session: Session,
        batch: dict[str, Array],
        sounds: Sequence[_Listening],
        prompts: list[list[int]],
    ) -> tuple[Array, list[float]]:
        """Return the logits after the prompts, and the probabilities of silence; complete the prompts.

        A language that nobody named is the likeliest after the first token of those that ask.
        """
        logits = session.begin(batch)
        before = len(prompts[0]) - len(sounds[0].prompt)
        if before:
            logits = session.step(np.asarray([ids[1 : before + 1] for ids in prompts], dtype=np.int64))
        silences = [0.0] * len(sounds)
        if self.settings.untimed is not None:
            silences = np.exp(log_softmax(logits))[:, self.settings.untimed - 1].tolist()
        self._choose(logits, sounds)
        for ids, sound in zip(prompts, sounds, strict=True):
            ids[before:] = sound.asked
        rest = np.asarray([ids[before + 1 :] for ids in prompts], dtype=np.int64)
        return (session.step(rest) if rest.size else logits), silences

    def _times(
        self,
        generator: Generator,
        session: Session,
        sounds: Sequence[_Listening],
        prompts: Sequence[Sequence[int]],
        written: Sequence[Sequence[int]],
    ) -> list[list[float]]:
        """Return when each token of a window ended, in seconds from the beginning of the sound.

        The decoder reads what was written once more, all at once, and tells where it listened meanwhile. The last token
        of a window, most often one that ends it, is read by nobody and has the time of the one before.
        """
        longest = max(map(len, written)) - 1
        if longest < 1:
            return [[self._seconds(each)] * len(tokens) for each, tokens in zip(sounds, written, strict=True)]
        ids = np.zeros((len(sounds), longest), dtype=np.int64)
        for row, tokens in enumerate(written):
            ids[row, : len(tokens) - 1] = tokens[:-1]
        with generator.engine.decoding() as decoder:
            again = cast("EncodedSession", session).again(decoder)
            again.step(np.asarray(prompts, dtype=np.int64))
            again.step(ids)
            weights = again.listened()
        return [
            self._ended(sound, weights[row, :, : max(len(tokens) - 1, 0)], len(tokens))
            for row, (sound, tokens) in enumerate(zip(sounds, written, strict=True))
        ]

    def _seconds(self, sound: _Listening) -> float:
        """Return where the next window of a sound begins."""
        return sound.seek / self.stride * self.precision

    def _ended(self, sound: _Listening, weights: Array, count: int) -> list[float]:
        """Return when each of `count` tokens ended, by the `weights` (heads, tokens, places) of all but the last."""
        offset = np.float32(self._seconds(sound))
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
