"""Arrays that a class has one behind the other for all texts of a batch: patches of pictures, and their grids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ipfs_accelerate_py.skills.arrays import Array, Features, Tensors
from ipfs_accelerate_py.skills.given import Inputs
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.head import Options
from ipfs_accelerate_py.skills.keeping import KeptInput
from ipfs_accelerate_py.skills.rereading import WrittenInput


class PackedInput(WrittenInput):
    """The inputs of a head that writes after such arrays.

    Some towers let all pictures of a batch see each other, and some arrays count the patches of all: each text is
    continued by itself, so that an answer does not depend on what else was asked.
    """

    def run(self, handler: Handler, rows: Sequence[Features], options: Options) -> list[dict[str, Array]]:
        """Return the new tokens of each row, {"tokens": (new,)}."""
        return [found for row in rows for found in super(PackedInput, self).run(handler, [row], options)]


class PackedKeptInput(PackedInput, KeptInput):
    """The inputs of a head that writes after such arrays and keeps what it has read of them."""


def together(batch: Tensors, names: Sequence[str], inputs: Inputs) -> dict[str, Any]:
    """Return `batch` with the inputs `names`, (rows, count, ...), as (rows * count, ...), one row behind the other.

    Those of one strip, (rows, 1, ..., length), of which no row has more, come side by side: (1, ..., rows * length).
    """
    import torch

    return {
        **batch,
        **{
            name: (
                batch[name].flatten(0, 1)
                if 0 in inputs[name].vary
                else torch.cat(batch[name].unbind(0), dim=-1)
            )
            for name in names
        },
    }
