"""Texts with pictures that come as arrays, as transformers' processor makes them, and what is written after them.

For model types whose image processor nobody wrote in NumPy yet: a user gives what it returns for one text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills import token_ids
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.head import Answer, Example, Options, Port
from ipfs_accelerate_py.skills.patch_grids import spread
from ipfs_accelerate_py.skills.pictured import PLACES
from ipfs_accelerate_py.skills.session import ROOM
from ipfs_accelerate_py.skills.shown_sizes import Sizes
from ipfs_accelerate_py.skills.text import TextInput

COUNT: Final = "count."  # before the name of an array: how many of a row are real, the last ones; (rows,)
KINDS: Final = "mm_token_type_ids"  # what a processor gives beside the ids, and the ids tell as well
GRID: Final = "image_grid_thw"
FITTED: Final = "fitted"  # 1 in a sample: nobody counted how many tokens stand for a picture, (rows,)
_TOKEN_FIELDS: Final = ("image_token_id", "image_token_index")
_KINDS: Final[Mapping[str, str]] = {"float32": "fiu", "int64": "iub"}


@dataclass(frozen=True)
class ShownText:
    """What a checkpoint takes for one text: its tokens, and the arrays of its pictures, named and shaped as `ports`.

    Where pictures are `nested`, an axis for the text, of length 1, stands before theirs. Where tokens are `turned` in
    time, height and width, each has three places, and those of a picture's follow from its grid.
    """

    checkpoint: Checkpoint
    text: TextInput
    ports: Mapping[str, Port]
    sizes: Sizes
    nested: bool = False
    turned: bool = False

    @cached_property
    def token(self) -> int:
        """The id of the token that stands for a part of a picture.

        Raises:
            CheckpointError: config.json names none.
        """
        for field in _TOKEN_FIELDS:
            place = self.checkpoint.number(field)
            if place is not None:
                return int(place)
        raise CheckpointError(
            f"{self.checkpoint.folder / 'config.json'}: names no {_TOKEN_FIELDS[0]}, the token for a part of a picture"
        )

    @property
    def padding(self) -> dict[str, int]:
        """What each array of a row is filled up with."""
        turned = {"position_ids": 0} if self.turned else {}
        return {**self.text.padding, PLACES: 0, **turned, **dict.fromkeys(self.ports, 0)}

    @property
    def sample(self) -> tuple[Any, ...]:
        """Two texts of unequal length, with two pictures and with one; as many tokens for each as come to mind."""
        ids = np.arange(24) % 5 + self.token + 1
        first = {"input_ids": np.concatenate([[ids[0]], [self.token] * 12, ids]), FITTED: 1}
        second = {"input_ids": np.concatenate([ids[:3], [self.token] * 6, ids[:9]]), FITTED: 1}
        return {**first, **self._drawn(2)}, {**second, **self._drawn(1)}

    def examples(self, items: Sequence[Any], options: Options) -> list[Example]:
        """Return each input as one row.

        Raises:
            InputError: an item is no mapping of arrays by name, or one of them has another type or shape than it must.
        """
        return [self._example(item, index) for index, item in enumerate(items)]

    def answer(self, example: Example, row: Mapping[str, Array], options: Options) -> Answer:
        """Return what follows the prompt as text and as tokens; of several continuations the best and all."""
        found = [
            {"text": self.continued(example.context, tokens), "tokens": tokens.tolist()}
            for tokens in row.values()
        ]
        return {**found[0], "sequences": found} if options["num_return_sequences"] > 1 else found[0]

    def continued(self, ids: Array, tokens: Sequence[int] | Array) -> str:
        """Return the text of `tokens` after `ids`: what the text of both has beyond that of `ids`."""
        before = self.text.decode(ids, skip_special=True)
        return self.text.decode([*ids, *tokens], skip_special=True)[len(before) :]

    def _drawn(self, count: int) -> dict[str, Array]:
        """Return arrays of `count` pictures that differ from each other."""
        made = {name: self.sizes.drawn(name, count) for name in self.ports}
        return {name: array[np.newaxis] for name, array in made.items()} if self.nested else made

    def _example(self, item: Any, index: int) -> Example:
        if not token_ids.given(item):
            raise InputError(
                f'is no {{"input_ids": ..., {", ".join(self.ports)}}}: arrays as the processor makes them of one text',
                index=index,
            )
        told = {name: item[name] for name in item if name not in {*self.ports, FITTED, KINDS}}
        arrays = token_ids.arrays(told, self.text.names, below={}, longest=self.text.limit, index=index)
        ids = arrays["input_ids"]
        places = (ids == self.token).astype(np.int64)
        shown = {name: self._array(name, item.get(name), index) for name in self.ports}
        if bool(places.any()) != all(len(array) for array in shown.values()):
            raise InputError(
                f"{places.sum()} of its tokens are {self.token}, for parts of pictures, and there are "
                f"{min(map(len, shown.values()))} pictures",
                index=index,
            )
        counts = {COUNT + name: np.asarray(len(array)) for name, array in shown.items()}
        row = {
            **arrays,
            PLACES: places,
            ROOM: np.asarray(self.text.limit - ids.size),
            FITTED: np.asarray(int(FITTED in item)),
            **shown,
            **counts,
        }
        if self.turned:
            row["position_ids"] = self._turns(places, row[GRID], fitted=FITTED in item)
        return Example((row,), ids)

    def _turns(self, places: Array, grids: Array, *, fitted: bool) -> Array:
        """Return where each token stands in time, height and width, (tokens, 3)."""
        if fitted:  # of a sample: as if it had no pictures
            return np.repeat(np.arange(places.size)[:, np.newaxis], 3, axis=1)
        wanted = int((grids.prod(axis=-1) // self.sizes.merge**2).sum())
        if places.sum() != wanted:
            raise InputError(f"{places.sum()} tokens stand for pictures, of which the grids make {wanted}")
        return spread(places, grids, self.sizes.merge)

    def _array(self, name: str, given: Any, index: int) -> Array:
        """Return the array `name` of an item as its port has it; of a text without pictures an empty one."""
        port, shape = self.ports[name], self.sizes.shape(name)
        if given is None:
            return np.zeros((0, *shape), dtype=port.dtype)
        try:
            array = np.asarray(given)
        except (ValueError, TypeError, RuntimeError) as error:  # rows of unequal length, a tensor on a device
            raise InputError(f"{name} is no array: {error}", index=index) from error
        if self.nested and array.ndim == len(shape) + 2 and array.shape[0] == 1:
            array = array[0]
        if (
            array.ndim != len(shape) + 1
            or array.shape[1:] != shape
            or array.dtype.kind not in _KINDS[port.dtype]
        ):
            first = f"({'1, ' if self.nested else ''}{port.axes[0]}, {', '.join(map(str, shape))})"
            raise InputError(
                f"{name} is of shape {array.shape} and type {array.dtype}; the checkpoint takes {port.dtype} {first}",
                index=index,
            )
        return np.ascontiguousarray(array, dtype=port.dtype)
