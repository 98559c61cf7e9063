"""Decoding token by token: what a backend offers for it, and what a task makes of that.

A backend gives an `Engine`. It runs the head's parts (an encoder, the tower of a picture), and it decodes: from new
tokens to logits, keeping keys and values of what it has read, so that no prefix is computed twice. A task gives a
`Session`: it knows what a prompt is, where each token stands, and what the decoder must be told beside the tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch, Features
from ipfs_accelerate_py.skills.batching import collate

ROOM = "room"  # how many tokens may follow a row; for the loop, not for the model


class Decoder(Protocol):
    """A decoder at work on one batch; the backend keeps keys and values of what it has read."""

    def hold(self, constants: Batch) -> None:
        """Take what stays the same at every step, such as what an encoder made of the input; the row is axis 0."""

    def keep(self, past: Batch) -> None:
        """Go on from what layers kept of what was read elsewhere, by the names of `kept.laid_open`."""

    def step(self, batch: Batch) -> Array:
        """Return the logits after the new tokens of each row, (rows, vocabulary)."""

    def beside(self, name: str) -> Array:
        """Return what else the graph gave in the last step, by its name."""

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order; a row may be named several times, or not at all."""


class Engine(Protocol):
    """What a backend offers a head that decodes."""

    def run(self, part: str, batch: Batch) -> dict[str, Array]:
        """Return the outputs of one of the head's parts."""

    def decoding(self) -> AbstractContextManager[Decoder]:
        """Give a decoder that has read nothing yet; it belongs to the caller until the block ends."""


class Session(Protocol):
    """One batch of prompts being continued."""

    def begin(self, prompt: Batch) -> Array:
        """Read the prompts; return the logits after each, (rows, vocabulary)."""

    def step(self, ids: Array) -> Array:
        """Read `ids` (rows, new) int64; return the logits after them, (rows, vocabulary)."""

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order; a row may be named several times, or not at all."""


@runtime_checkable
class Reading(Protocol):
    """A session whose decoder reads other tokens than those of the prompt, such as one that begins every answer."""

    def read(self, prompt: Batch) -> list[list[int]]:
        """Return for each row of `prompt` the ids that the decoder has read."""


Sessions = Callable[[Engine, Decoder], Session]


def positions(mask: Array) -> Array:
    """Return the place of each token in its row, not counting padding, (rows, tokens)."""
    result: Array = np.maximum(np.cumsum(mask, axis=1) - 1, 0)
    return result


def read(session: Session, prompt: Batch) -> list[list[int]]:
    """Return for each row of `prompt` the ids that the decoder has read: the prompt's, unless the session differs."""
    if isinstance(session, Reading):
        return session.read(prompt)
    if "input_ids" not in prompt:
        return [[] for _ in next(iter(prompt.values()))]
    rows = zip(prompt["input_ids"], prompt["attention_mask"], strict=True)
    return [ids[mask == 1].tolist() for ids, mask in rows]


class TextSession:
    """A session of a decoder that reads one text, filled up on the left: ids, mask and positions are all it takes."""

    def __init__(self, engine: Engine, decoder: Decoder) -> None:
        self._decoder = decoder
        self._mask: Array = np.zeros((0, 0), dtype=np.int64)

    def begin(self, prompt: Batch) -> Array:
        """Read the prompts of `prompt`, input_ids and attention_mask (rows, tokens); return the logits after each."""
        self._mask = prompt["attention_mask"]
        return self._read(prompt["input_ids"])

    def step(self, ids: Array) -> Array:
        """Read `ids` (rows, new); return the logits after them."""
        self._mask = np.concatenate([self._mask, np.ones_like(ids)], axis=1)
        return self._read(ids)

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order."""
        self._mask = self._mask[rows]
        self._decoder.reorder(rows)

    def _read(self, ids: Array) -> Array:
        places = positions(self._mask)[:, -ids.shape[1] :]
        return self._decoder.step({"input_ids": ids, "attention_mask": self._mask, "position_ids": places})


def prompts(rows: Sequence[Features], padding: Mapping[str, int], *, side: str) -> dict[str, Array]:
    """Return `rows` as one batch: arrays named in `padding` are filled up on the `side`, "left" or "right".

    On the left, so that every row ends where the next token begins; `room` is left out.
    """
    wanted = [{name: array for name, array in row.items() if name != ROOM} for row in rows]
    if side == "right":
        return collate(wanted, padding)
    turned = [
        {name: array[::-1] if name in padding else array for name, array in row.items()} for row in wanted
    ]
    batch = collate(turned, padding)
    return {
        name: array[:, ::-1].copy() if name in padding else array  # PyTorch takes no axis that runs backwards
        for name, array in batch.items()
    }
