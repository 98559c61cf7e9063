"""Text generation: the options, and the handler that decodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array, Batch, Features
from ipfs_accelerate_py.skills.batching import ROWS_PER_BATCH, length
from ipfs_accelerate_py.skills.beams import searched
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.decoding import following
from ipfs_accelerate_py.skills.handler import Handler, Place
from ipfs_accelerate_py.skills.head import Head, Options, Steps
from ipfs_accelerate_py.skills.logits import picked, rules
from ipfs_accelerate_py.skills.quantities import positive, whole
from ipfs_accelerate_py.skills.session import ROOM, Engine, Session, prompts, read
from ipfs_accelerate_py.skills.stopping import Stops, strings
from ipfs_accelerate_py.skills.streaming import pieces

__all__ = ["OPTIONS", "Generator", "check", "ends", "picked", "room", "settings"]

OPTIONS: Mapping[str, Any] = {
    "max_new_tokens": 20,  # the default of transformers' generation settings, `max_length`
    "min_new_tokens": 0,
    "do_sample": False,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "min_p": None,
    "seed": None,
    "num_beams": 1,
    "length_penalty": 1.0,
    "early_stopping": False,
    "num_return_sequences": 1,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "bad_words_ids": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "min_length": 0,
    "stop_strings": None,
    "return_full_text": True,
}
_OURS = {"seed", "return_full_text"}  # what generation_config.json does not speak of


class Generator(Handler):
    """A handler whose outputs are the tokens that follow each row, decided one at a time."""

    def __init__(
        self,
        *,
        task: str,
        head: Head,
        model: str,
        steps: Steps,
        engine: Engine,
        ends: frozenset[int],
        place: Place,
    ) -> None:
        if head.session is None:
            raise ValueError(f"{task} has no session, so it does not decode")
        super().__init__(task=task, model=model, steps=steps, forward=self._first, place=place)
        self.engine = engine
        self.session = head.session
        self.ends = ends

    def _first(self, batch: Batch) -> dict[str, Array]:
        """Return the logits after each prompt; the forward pass as the other tasks have it, for comparison."""
        with self.engine.decoding() as decoder:
            return {"logits": self.session(self.engine, decoder).begin(batch)}

    def run(self, rows: Sequence[Features], options: Options) -> list[dict[str, Array]]:
        """Return the new tokens of each row as {"tokens": (new,)}, in batches of similar length.

        Where several continuations are asked for, the others are "tokens.1", "tokens.2", ...
        """
        if self.steps.run is not None:
            return self.steps.run(self, rows, options)
        options = {**OPTIONS, **options}
        check(options)
        order = sorted(range(len(rows)), key=lambda place: -length(rows[place], self.steps.padding))
        results: list[dict[str, Array]] = [{} for _ in rows]
        random = np.random.default_rng(options["seed"])
        at_once = max(1, ROWS_PER_BATCH // max(options["num_beams"], options["num_return_sequences"]))
        for start in range(0, len(order), at_once):
            places = order[start : start + at_once]
            chosen = [rows[place] for place in places]
            with self.engine.decoding() as decoder:
                session = self.session(self.engine, decoder)
                found = self._continuations(
                    session, self.batch(chosen), room(chosen, options), options, random
                )
            for place, sequences in zip(places, found, strict=True):
                results[place] = {
                    f"tokens.{number}" if number else "tokens": tokens
                    for number, tokens in enumerate(sequences)
                }
        return results

    def stream(self, prompt: Any, **options: Any) -> Iterator[str]:
        """Return an iterator over the continuation of one prompt, in pieces that no longer change.

        Joined, they are the text that the handler answers with `return_full_text=False`. Closing the iterator, or
        dropping it, ends the computation and frees its memory.

        Raises:
            InputError: the prompt or an option cannot be used, or it is a list.
            UnknownName: the task has no such option.
        """
        chosen = {**OPTIONS, **self._options(options)}
        check(chosen)
        if isinstance(prompt, list | tuple):
            raise InputError("a list of inputs cannot be streamed; stream one prompt")
        for name in ("num_beams", "num_return_sequences"):
            if chosen[name] != 1:
                raise InputError(f"{name} is {chosen[name]}; a stream is one text that is never taken back")
        if self.steps.decode is None:
            raise InputError(f"{self.task} has no running text to stream; call the handler")
        try:
            [example] = self.steps.prepare([prompt], chosen)
        except InputError as error:
            raise InputError(str(error).removeprefix(f"input {error.index}: ")) from error
        return self._pieces(example.rows[0], chosen, self.steps.decode)

    def _pieces(self, row: Features, options: Options, decode: Callable[..., str]) -> Iterator[str]:
        batch = self.batch([row])
        with self.engine.decoding() as decoder:
            session = self.session(self.engine, decoder)
            logits = session.begin(batch)
            before = read(session, batch)
            steps = following(
                session,
                logits,
                before,
                room=room([row], options),
                options=options,
                rules=rules(options, self.ends),
                stops=self._stops(options),
                random=np.random.default_rng(options["seed"]),
            )
            tokens = (token for found in steps for _, token in found)
            continued = self.steps.continued
            text = partial(continued, row["input_ids"]) if continued else partial(decode, skip_special=True)
            yield from pieces(tokens, text)

    def _stops(self, options: Options) -> Stops:
        wanted = strings(options["stop_strings"])
        if wanted and self.steps.decode is None:
            raise InputError(f"{self.task} has no running text, so no stop_strings")
        decode = None if self.steps.decode is None else partial(self.steps.decode, skip_special=False)
        return Stops(self.ends, wanted, decode)

    def _continuations(
        self, session: Session, prompt: Batch, room: Array, options: Options, random: np.random.Generator
    ) -> list[list[Array]]:
        logits = session.begin(prompt)
        before = read(session, prompt)
        stops, asked = self._stops(options), rules(options, self.ends)
        if options["num_beams"] > 1:
            return searched(
                session,
                logits,
                before,
                room=room,
                options=options,
                rules=asked,
                halts=stops,
                ends=len(self.ends),
                random=random,
            )
        count = options["num_return_sequences"]
        if count > 1:
            rows = np.repeat(np.arange(len(room)), count)
            session.reorder(rows)
            logits, room, before = logits[rows], room[rows], [before[row] for row in rows]
        found: list[list[int]] = [[] for _ in room]
        for step in following(
            session, logits, before, room=room, options=options, rules=asked, stops=stops, random=random
        ):
            for row, token in step:
                found[row].append(token)
        tokens = [np.asarray(each, dtype=np.int64) for each in found]
        return [tokens[start : start + count] for start in range(0, len(tokens), count)]

    def batch(self, rows: Sequence[Features]) -> dict[str, Array]:
        """Return rows as one batch of prompts."""
        return prompts(rows, self.steps.padding, side=self.steps.side)


def check(options: Options) -> None:
    """Refuse generation options that mean nothing.

    Raises:
        InputError: one of them is out of its range; the message gives the range.
    """
    for name, least in (
        ("max_new_tokens", 1),
        ("min_new_tokens", 0),
        ("top_k", 0),
        ("num_beams", 1),
        ("num_return_sequences", 1),
        ("no_repeat_ngram_size", 0),
        ("min_length", 0),
    ):
        whole(name, options[name], least=least)
    whole("seed", options["seed"] or 0, least=0)
    positive("temperature", options["temperature"])
    positive("top_p", options["top_p"], most=1)
    positive("repetition_penalty", options["repetition_penalty"])
    if options["min_p"] is not None:
        positive("min_p", options["min_p"], most=1)
    penalty = options["length_penalty"]
    if not isinstance(penalty, int | float) or isinstance(penalty, bool) or not np.isfinite(penalty):
        raise InputError(f"length_penalty is {penalty!r}; it is a number")
    if options["early_stopping"] not in (True, False, "never"):
        raise InputError(f'early_stopping is {options["early_stopping"]!r}; it is True, False or "never"')
    strings(options["stop_strings"])
    _check_tokens(options)
    count, beams = options["num_return_sequences"], options["num_beams"]
    if count > beams and (beams > 1 or not options["do_sample"]):
        raise InputError(
            f"num_return_sequences is {count}; without sampling there are as many as num_beams, {beams}"
        )


def _check_tokens(options: Options) -> None:
    first, last = options["forced_bos_token_id"], options["forced_eos_token_id"]
    given = {
        "suppress_tokens": options["suppress_tokens"] or [],
        "begin_suppress_tokens": options["begin_suppress_tokens"] or [],
        "forced_bos_token_id": [] if first is None else [first],
        "forced_eos_token_id": [] if last is None else last if isinstance(last, list) else [last],
    }
    for name, tokens in given.items():
        if not _are_tokens(tokens) or (name == "forced_eos_token_id" and last == []):
            raise InputError(f"{name} is {options[name]!r}, which is no token id, or no list of them")
    words = options["bad_words_ids"] or []
    if not isinstance(words, list | tuple) or not all(word and _are_tokens(word) for word in words):
        raise InputError(
            f"bad_words_ids is {words!r}; it is a list of lists of token ids, none of them empty"
        )


def _are_tokens(given: Any) -> bool:
    return isinstance(given, list | tuple) and all(
        isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in given
    )


def settings(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the options with their defaults: what generation_config.json says of them, else those of OPTIONS."""
    written = checkpoint.json("generation_config.json")
    known = {name: written[name] for name in OPTIONS if name not in _OURS and written.get(name) is not None}
    return {**OPTIONS, **known}


def ends(checkpoint: Checkpoint) -> frozenset[int]:
    """Return the ids of the tokens that end a text, from generation_config.json, else config.json, if there are any."""
    for written in (
        checkpoint.json("generation_config.json").get("eos_token_id"),
        checkpoint.config.get("eos_token_id"),
        checkpoint.value("text_config.eos_token_id"),  # of a model of several parts
    ):
        if written is not None:
            return frozenset(written if isinstance(written, list) else [written])
    return frozenset()


def room(rows: Sequence[Features], options: Options) -> Array:
    """Return how many tokens may follow each row: as many as asked for, and as the checkpoint's limit leaves."""
    return np.asarray([min(options["max_new_tokens"], int(row[ROOM])) for row in rows])
