"""Writing by transducers: any number of tokens at each place of a sound, or how many places to go on after each.

At each place the likeliest token is taken; the one that is blank is not written, and leads on. For each token that is
written the sound is read anew, as by `rereading`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array, Features
from ipfs_accelerate_py.skills.calls import WRITTEN
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.given import ArrayInput, Inputs
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.head import Example, Options

_SYMBOLS: Final = (
    10  # at one place at most, as all configurations of such classes have it where nothing is said
)
_SAMPLE: Final = 2  # tokens written in a sample


def start(checkpoint: Checkpoint) -> int:
    """Return the id that stands before all that is written: the blank one where nothing is said."""
    said = checkpoint.json("generation_config.json").get("decoder_start_token_id")
    if said is None:
        said = checkpoint.config.get("decoder_start_token_id")
    return _blank(checkpoint) if said is None else int(said)


def _blank(checkpoint: Checkpoint) -> int:
    found = checkpoint.config.get("blank_token_id")  # it may be 0
    last = _vocabulary(checkpoint) - 1  # as in the defaults of such classes
    return last if found is None else int(found)


def _vocabulary(checkpoint: Checkpoint) -> int:
    return int(checkpoint.config["vocab_size"])


class TransducedInput(ArrayInput):
    """The inputs of a head that writes what it hears, place by place."""

    def __init__(self, checkpoint: Checkpoint, inputs: Inputs) -> None:
        super().__init__(checkpoint, inputs)
        self._blank = _blank(checkpoint)
        self._tokens = _vocabulary(checkpoint)
        self._symbols = checkpoint.number("max_symbols_per_step") or _SYMBOLS

    @property
    def sample(self) -> tuple[dict[str, Array], ...]:
        """Inputs that any checkpoint of the type can answer, with some tokens written."""
        return tuple({**row, WRITTEN: np.full(_SAMPLE, self._blank)} for row in super().sample)

    def examples(self, items: Sequence[Any]) -> list[Example]:
        """Return each item as one row; blanks may stand in it as written, as in the sample, and say nothing.

        Raises:
            InputError: an item is no mapping of arrays by name, one of them is not what the model takes, or something
                is written already: nobody knows at which places.
        """
        plain, begun = [], []
        for index, item in enumerate(items):
            known = isinstance(item, Mapping)
            written = np.asarray(item.get(WRITTEN, ()) if known else (), dtype=np.int64)
            if (written != self._blank).any():
                raise InputError(
                    f"{WRITTEN!r} holds tokens; a transducer begins with the sound, so leave it out",
                    index=index,
                )
            begun.append(written)
            plain.append({name: item[name] for name in item if name != WRITTEN} if known else item)
        return [
            Example(({**row, WRITTEN: written},))
            for row, written in zip(self.rows(plain), begun, strict=True)
        ]

    def run(self, handler: Handler, rows: Sequence[Features], options: Options) -> list[dict[str, Array]]:
        """Return the tokens of each row and the places where they were heard, {"tokens": (new,), "places": (new,)}."""
        return [self._spelled(handler, row) for row in rows]

    def _spelled(self, handler: Handler, row: Features) -> dict[str, Array]:
        tokens: list[int] = []
        places: list[int] = []
        logits, count = self._read(handler, row, tokens)
        place = symbols = 0
        for _ in range(
            self._symbols * len(logits) - 1
        ):  # as many steps as generate() takes behind the first token
            if place >= count:
                break
            scores = logits[min(place, len(logits) - 1)]
            token = int(scores[: self._tokens].argmax())
            if token != self._blank:
                tokens.append(token)
                places.append(place)
                logits, _ = self._read(handler, row, tokens)
            symbols = 0 if token == self._blank else symbols + 1
            further = self._further(scores, blank=token == self._blank, symbols=symbols)
            place, symbols = place + further, 0 if further else symbols
        return {"tokens": np.asarray(tokens, dtype=np.int64), "places": np.asarray(places, dtype=np.int64)}

    def _further(self, scores: Array, *, blank: bool, symbols: int) -> int:
        """Return how many places to go on: as many as are foretold, or one after a blank or too many tokens."""
        foretold = scores[self._tokens :]
        if foretold.size:
            return max(int(foretold.argmax()), int(blank))
        return int(blank or symbols >= self._symbols)

    def _read(self, handler: Handler, row: Features, tokens: Sequence[int]) -> tuple[Array, int]:
        """Return the logits at each place after `tokens`, and how many of the places are sound."""
        written = {**row, WRITTEN: np.asarray(tokens, dtype=np.int64)}
        found = handler.forward(
            {name: np.ascontiguousarray(array[np.newaxis]) for name, array in written.items()}
        )
        return found["logits"][0], round(float(found["seen"][0].sum()))


def heard(row: Mapping[str, Array]) -> dict[str, Any]:
    """Return the tokens of a row, and at which place of the encoded sound each was heard."""
    return {"tokens": row["tokens"].tolist(), "places": row["places"].tolist()}
