"""Writing by reading anew: for each new token the model is given all that it was asked and all that it has written.

For model types whose cache nobody laid open yet. The work grows with the square of what is written, and the tokens are
those that a cache would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array, Batch, Features, Forward
from ipfs_accelerate_py.skills.calls import WRITTEN, reads
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.generation import Generator, ends, settings
from ipfs_accelerate_py.skills.given import ArrayInput, Inputs
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.head import Answer, Example, Options, Port
from ipfs_accelerate_py.skills.session import ROOM, Decoder, Engine
from ipfs_accelerate_py.skills.text import NO_LIMIT

WRITTEN_PORT: Final = Port("int64", axes=("batch", "new"), dynamic=("batch", "new"))
PADDING: Final[Mapping[str, int]] = {WRITTEN: 0}  # of samples, which have written different numbers of tokens
UNREAD: Final = (
    "image_token_id",
    "image_token_index",
    "video_token_id",
    "audio_token_id",
    "audio_token_index",
)
"""Tokens that stand for what was given: one that was written would have nothing to stand for when it is read."""
_TEXT_OPTIONS: Final = ("return_full_text", "stop_strings")  # nothing here turns tokens into a text


class Rereader(Handler):
    """A handler whose steps may say how its rows are run."""

    def run(self, rows: Sequence[Features], options: Options) -> list[dict[str, Array]]:
        """Return the outputs of each row."""
        if self.steps.run is None:
            return super().run(rows, options)
        return self.steps.run(self, rows, options)


class WrittenInput(ArrayInput):
    """The inputs of a head that writes, with room for what it does."""

    def __init__(self, checkpoint: Checkpoint, inputs: Inputs, *, limit_field: str) -> None:
        super().__init__(checkpoint, inputs)
        known = {name: value for name, value in settings(checkpoint).items() if name not in _TEXT_OPTIONS}
        unread = [place for name in UNREAD if (place := checkpoint.number(name)) is not None]
        suppressed = [*(known["suppress_tokens"] or ()), *unread] or None
        self.options: Mapping[str, Any] = {**known, "suppress_tokens": suppressed}
        self._text = reads(tuple(inputs))
        self._limit = (checkpoint.number(limit_field) if limit_field else None) or NO_LIMIT
        self._ends = ends(checkpoint)

    @property
    def sample(self) -> tuple[dict[str, Array], ...]:
        """Inputs that any checkpoint of the type can answer, with different numbers of tokens written."""
        return self._begun(super().sample)

    @property
    def other(self) -> tuple[dict[str, Array], ...]:
        """The same of another size; none of a head whose inputs are not tied to each other."""
        return self._begun(super().other)

    def _begun(self, rows: Sequence[dict[str, Array]]) -> tuple[dict[str, Array], ...]:
        return tuple(
            {**row, WRITTEN: np.repeat(self._word(row), 2 + place)} for place, row in enumerate(rows)
        )

    def examples(self, items: Sequence[Any]) -> list[Example]:
        """Return each item as one row.

        Raises:
            InputError: an item is no mapping of arrays by name, or one of them is not what the model takes.
        """
        plain, begun = [], []
        for item in items:
            known = isinstance(item, Mapping)
            begun.append(item.get(WRITTEN, ()) if known else ())
            plain.append({name: item[name] for name in item if name != WRITTEN} if known else item)
        found = []
        for index, (row, new) in enumerate(zip(self.rows(plain), begun, strict=True)):
            if not _are_ids(new):
                raise InputError(f"{WRITTEN!r} is {new!r}; it is the ids written so far", index=index)
            grown = {**row, WRITTEN: np.asarray(new, dtype=np.int64)}
            if self._room(grown) < 1:
                raise InputError(
                    f"{self._text!r} has {len(row[self._text])} tokens; this checkpoint takes {self._limit}, of which "
                    "one at least has to be left for what is written",
                    index=index,
                )
            found.append(Example((grown,)))
        return found

    def _word(self, row: Features) -> int:
        """Return an id that stands for nothing but itself: of those in a text one of the rarest."""
        ids = row[self._text]
        if ids.dtype.kind == "f":
            return 1
        found, counts = np.unique(ids, return_counts=True)
        return int(found[counts.argmin()])

    def _room(self, row: Features) -> int:
        return self._limit - len(row[self._text]) - len(row[WRITTEN])

    def run(self, handler: Handler, rows: Sequence[Features], options: Options) -> list[dict[str, Array]]:
        """Return the new tokens of each row, {"tokens": (new,)}; rows of one size are computed together."""
        groups: dict[tuple[Any, ...], list[int]] = {}
        for place, row in enumerate(rows):
            groups.setdefault(tuple((name, array.shape) for name, array in row.items()), []).append(place)
        results: list[dict[str, Array]] = [{} for _ in rows]
        writer = self._writer(handler)
        for places in groups.values():
            found = writer.run(
                [{**rows[place], ROOM: np.asarray(self._room(rows[place]))} for place in places], options
            )
            for place, tokens in zip(places, found, strict=True):
                results[place] = tokens
        return results

    def _writer(self, handler: Any) -> Any:
        """Return what writes after rows of one size."""
        return _Writer(handler, self._ends)


def _are_ids(given: Any) -> bool:
    array = np.asarray(given)
    return array.ndim == 1 and (array.dtype.kind in "iu" or not array.size) and bool((array >= 0).all())


def tokens(row: Mapping[str, Array], options: Options) -> Answer:
    """Return what was written after a row; of several continuations the best and all."""
    found = [{"tokens": each.tolist()} for each in row.values()]
    return {**found[0], "sequences": found} if options["num_return_sequences"] > 1 else {**found[0]}


def ids_read(prompt: Batch) -> list[list[int]]:
    """Return for each row of `prompt` the ids of its text; none where vectors stand for them."""
    return [row.tolist() if row.dtype.kind == "i" else [] for row in prompt[reads(tuple(prompt))]]


class _Session:
    """A batch of rows that are read anew for each token."""

    def __init__(self, engine: Engine, decoder: Decoder) -> None:
        self._engine = engine
        self._rows: dict[str, Array] = {}

    def begin(self, prompt: Batch) -> Array:
        """Read the rows; return the logits after each."""
        self._rows = dict(prompt)
        return self._read()

    def step(self, ids: Array) -> Array:
        """Read the rows with `ids` (rows, new) behind what was written; return the logits after them."""
        self._rows[WRITTEN] = np.concatenate([self._rows[WRITTEN], ids], axis=1)
        return self._read()

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order."""
        self._rows = {name: array[rows] for name, array in self._rows.items()}

    def read(self, prompt: Batch) -> list[list[int]]:
        """Return for each row the ids that were read."""
        return ids_read(prompt)

    def _read(self) -> Array:
        return self._engine.run("", self._rows)["logits"]


class _Engine:
    """A forward pass as an engine."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward

    def run(self, part: str, batch: Batch) -> dict[str, Array]:
        return self._forward({name: np.ascontiguousarray(array) for name, array in batch.items()})

    @contextmanager
    def decoding(self) -> Iterator[Any]:
        yield None  # no decoder: nothing is kept


class _Writer(Generator):
    """The loop of handlers that decode, around a forward pass that keeps nothing."""

    def __init__(self, handler: Handler, ends: frozenset[int]) -> None:
        steps = replace(handler.steps, run=None)
        Handler.__init__(
            self,
            task=handler.task,
            model=handler.model,
            steps=steps,
            forward=handler.forward,
            place=handler.place,
        )
        self.engine = _Engine(handler.forward)
        self.session: Callable[..., Any] = _Session
        self.ends = ends
