"""Rows of unequal length run apart: for models that what a row is filled up with changes.

Convolutions read beyond a mask, and a decoder that counts its own positions counts what stands before a prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from ipfs_accelerate_py.skills.arrays import Array, Features
from ipfs_accelerate_py.skills.generation import Generator
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.head import Options
from ipfs_accelerate_py.skills.rereading import Rereader


class ApartHandler(Handler):
    """A handler that fills up nothing: rows of one shape alone go together."""

    def run(self, rows: Sequence[Features], options: Options) -> list[dict[str, Array]]:
        """Return the outputs of each row."""
        results: list[dict[str, Array]] = [{} for _ in rows]
        for places in _alike(rows):
            found = super().run([rows[place] for place in places], options)
            for place, outputs in zip(places, found, strict=True):
                results[place] = outputs
        return results


class ApartRereader(Rereader, ApartHandler):
    """The same beside heads whose steps say how their rows are run."""


def written_apart(generator: Generator, rows: Sequence[Features], options: Options) -> list[dict[str, Array]]:
    """Return what `generator` writes after each row, where rows of one shape alone are written together."""
    usual = copy(generator)
    usual.steps = replace(generator.steps, run=None)
    results: list[dict[str, Array]] = [{} for _ in rows]
    for places in _alike(rows):
        written = usual.run([rows[place] for place in places], options)
        for place, tokens in zip(places, written, strict=True):
            results[place] = tokens
    return results


def _alike(rows: Sequence[Features]) -> list[list[int]]:
    """Return the places of the rows, those of one shape together."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(tuple((name, array.shape) for name, array in row.items()), []).append(place)
    return list(groups.values())
