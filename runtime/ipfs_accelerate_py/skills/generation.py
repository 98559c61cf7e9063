"""Text generation: the loop that every backend shares, and the handler around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch, Features
from ipfs_accelerate_py.skills.batching import ROWS_PER_BATCH, length
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.handler import Handler, Place
from ipfs_accelerate_py.skills.head import Head, Options, Steps
from ipfs_accelerate_py.skills.quantities import positive, whole
from ipfs_accelerate_py.skills.scores import softmax
from ipfs_accelerate_py.skills.session import ROOM, Engine, Session, prompts

OPTIONS: Mapping[str, Any] = {
    "max_new_tokens": 20,  # the default of transformers' generation settings, `max_length`
    "do_sample": False,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "seed": None,
    "return_full_text": True,
}


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
        """Return the new tokens of each row as {"tokens": (new,)}, in batches of similar length."""
        if self.steps.run is not None:
            return self.steps.run(self, rows, options)
        check(options)
        order = sorted(range(len(rows)), key=lambda place: -length(rows[place], self.steps.padding))
        results: list[dict[str, Array]] = [{} for _ in rows]
        random = np.random.default_rng(options["seed"])
        for start in range(0, len(order), ROWS_PER_BATCH):
            places = order[start : start + ROWS_PER_BATCH]
            chosen = [rows[place] for place in places]
            with self.engine.decoding() as decoder:
                session = self.session(self.engine, decoder)
                found = decoded(
                    session,
                    self.batch(chosen),
                    room=room(chosen, options),
                    options=options,
                    stops=self.ends,
                    random=random,
                )
            for place, tokens in zip(places, found, strict=True):
                results[place] = {"tokens": tokens}
        return results

    def batch(self, rows: Sequence[Features]) -> dict[str, Array]:
        """Return rows as one batch of prompts."""
        return prompts(rows, self.steps.padding, side=self.steps.side)


def check(options: Options) -> None:
    """Refuse generation options that mean nothing.

    Raises:
        InputError: one of them is out of its range; the message gives the range.
    """
    whole("max_new_tokens", options["max_new_tokens"])
    whole("top_k", options["top_k"], least=0)
    whole("seed", options["seed"] or 0, least=0)
    positive("temperature", options["temperature"])
    positive("top_p", options["top_p"], most=1)


def ends(checkpoint: Checkpoint) -> frozenset[int]:
    """Return the ids of the tokens that end a text, from generation_config.json, else config.json, if there are any."""
    for written in (
        checkpoint.json("generation_config.json").get("eos_token_id"),
        checkpoint.config.get("eos_token_id"),
    ):
        if written is not None:
            return frozenset(written if isinstance(written, list) else [written])
    return frozenset()


def room(rows: Sequence[Features], options: Options) -> Array:
    """Return how many tokens may follow each row: as many as asked for, and as the checkpoint's limit leaves."""
    return np.asarray([min(options["max_new_tokens"], int(row[ROOM])) for row in rows])


def decoded(
    session: Session,
    prompt: Batch,
    *,
    room: Array,
    options: Options,
    stops: frozenset[int],
    random: np.random.Generator,
) -> list[Array]:
    """Return the tokens that follow each row of `prompt`: at most `room` of them, up to and with one that ends it."""
    found: list[list[int]] = [[] for _ in room]
    going = np.arange(len(room))  # the rows of the prompt that the session still works on
    logits = session.begin(prompt)
    kept = np.flatnonzero(room > 0)
    while kept.size:
        if kept.size < going.size:  # a row that has ended is computed no further
            session.reorder(kept)
            going, logits = going[kept], logits[kept]
        ids = picked(logits, options, random)
        for row, token in zip(going, ids, strict=True):
            found[row].append(int(token))
        open_rows = [
            int(token) not in stops and len(found[row]) < room[row]
            for row, token in zip(going, ids, strict=True)
        ]
        kept = np.flatnonzero(open_rows)
        if kept.size:
            logits = session.step(ids[:, np.newaxis])
    return [np.asarray(tokens, dtype=np.int64) for tokens in found]


def picked(logits: Array, options: Options, random: np.random.Generator) -> Array:
    """Return one token per row of `logits` (rows, vocabulary), the likeliest or drawn from the likeliest, (rows,).

    As in transformers, `top_p` is a share of what `top_k` leaves.
    """
    if not options["do_sample"]:
        best: Array = logits.argmax(axis=-1).astype(np.int64)
        return best
    scaled = logits.astype(np.float64) / options["temperature"]
    order = np.argsort(-scaled, axis=-1, kind="stable")[:, : options["top_k"] or None]
    likely = softmax(np.take_along_axis(scaled, order, axis=-1))
    kept = np.cumsum(likely, axis=-1) - likely < options["top_p"]
    reached = np.cumsum(np.where(kept, likely, 0.0), axis=-1)
    drawn = (random.random((len(logits), 1)) * reached[:, -1:] < reached).argmax(axis=-1)
    return np.take_along_axis(order, drawn[:, np.newaxis], axis=-1)[:, 0].astype(np.int64)
