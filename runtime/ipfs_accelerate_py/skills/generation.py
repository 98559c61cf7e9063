"""Text generation with a key-value cache: the loop that every backend shares, and the handler around it.

A backend gives a `Decoder`: calling it begins a session, and the session's steps take the new tokens only, because the
backend keeps keys and values of what it has read. So the prefix is never computed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch, Features
from ipfs_accelerate_py.skills.batching import ROWS_PER_BATCH
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.handler import Handler, Place
from ipfs_accelerate_py.skills.head import Options, Steps
from ipfs_accelerate_py.skills.quantities import positive, whole
from ipfs_accelerate_py.skills.scores import softmax

Step = Callable[[Batch], Array]  # input_ids, attention_mask, position_ids -> logits of each row's last token
Decoder = Callable[[], AbstractContextManager[Step]]

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
        self, *, task: str, model: str, steps: Steps, decoder: Decoder, ends: frozenset[int], place: Place
    ) -> None:
        super().__init__(task=task, model=model, steps=steps, forward=self._first, place=place)
        self.decoder = decoder
        self.ends = ends

    def _first(self, batch: Batch) -> dict[str, Array]:
        """Return the logits after each row; the forward pass as the other tasks have it, for comparison."""
        with self.decoder() as step:
            return {"logits": step({**batch, "position_ids": positions(batch["attention_mask"])})}

    def run(self, rows: Sequence[Features], options: Options) -> list[dict[str, Array]]:
        """Return the new tokens of each row as {"tokens": (new,)}, in batches of similar length."""
        check(options)
        order = sorted(range(len(rows)), key=lambda place: -rows[place]["input_ids"].shape[0])
        results: list[dict[str, Array]] = [{} for _ in rows]
        random = np.random.default_rng(options["seed"])
        for start in range(0, len(order), ROWS_PER_BATCH):
            places = order[start : start + ROWS_PER_BATCH]
            with self.decoder() as step:
                found = decoded(step, [rows[place] for place in places], options, self.ends, random)
            for place, tokens in zip(places, found, strict=True):
                results[place] = {"tokens": tokens}
        return results


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


def positions(mask: Array) -> Array:
    """Return the place of each token in its row, not counting padding, (rows, tokens)."""
    result: Array = np.maximum(np.cumsum(mask, axis=1) - 1, 0)
    return result


def padded_left(rows: Sequence[Features]) -> tuple[Array, Array]:
    """Return ids and mask (rows, tokens), filled up on the left, so that every row ends where the next token begins."""
    longest = max(row["input_ids"].shape[0] for row in rows)
    ids, mask = np.zeros((2, len(rows), longest), dtype=np.int64)
    for place, row in enumerate(rows):
        ids[place, longest - row["input_ids"].shape[0] :] = row["input_ids"]
        mask[place, longest - row["input_ids"].shape[0] :] = 1
    return ids, mask


def decoded(
    step: Step, rows: Sequence[Features], options: Options, stops: frozenset[int], random: np.random.Generator
) -> list[Array]:
    """Return the tokens that follow each row, up to and with one that ends it; `room` of a row bounds their number."""
    ids, mask = padded_left(rows)
    room = np.asarray([min(options["max_new_tokens"], int(row["room"])) for row in rows])
    places = positions(mask)
    found: list[list[int]] = [[] for _ in rows]
    open_rows = room > 0
    while open_rows.any():
        logits = step({"input_ids": ids, "attention_mask": mask, "position_ids": places})
        chosen = picked(logits, options, random)
        for row in np.flatnonzero(open_rows):
            found[row].append(int(chosen[row]))
            open_rows[row] = int(chosen[row]) not in stops and len(found[row]) < room[row]
        ids, places = chosen[:, np.newaxis], places[:, -1:] + open_rows[:, np.newaxis]
        mask = np.concatenate([mask, np.ones((len(rows), 1), dtype=np.int64)], axis=1)
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
