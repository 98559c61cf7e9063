"""Gains: how the weights of a small checkpoint are drawn and multiplied until it proves something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

SEED: Final = 20260307  # any number does; a fixed one makes every run the same


class Gain(float):
    """A factor of the layers, another of the tables of tokens, and the seed that both are drawn from.

    Where the table of tokens is the last layer, too, and its rows outweigh what the layers add, the likeliest token is
    the one that was read last, whatever was read before it: then the layers alone are raised. Where what they add is
    normalised (gemma2), no factor of theirs outweighs the table, which is made smaller instead.
    """

    tables: float
    seed: int

    def __new__(cls, layers: float, *, tables: float | None = None, seed: int = SEED) -> Gain:
        """Return the factor `layers`, which is that of the tables, too, where `tables` says no other."""
        made = super().__new__(cls, layers)
        made.tables = layers if tables is None else tables
        made.seed = seed
        return made


# Tried in turn until every input matters; less than one, where capped logits would all be alike.
GAINS: Final[tuple[float, ...]] = (
    *(1.0, 2.0, 4.0, 8.0, 0.5),
    *(Gain(3.0, tables=1.0), Gain(10.0, tables=1.0)),
)
_SEEDS: Final = (1, 2, 3, 4, 5, 6)  # of four texts one often runs into a circle, whatever the gain


def for_writing() -> Iterator[float]:
    """Yield what is tried after `GAINS` where a decoder writes the same few tokens after each of them."""
    yield Gain(4.0, tables=0.1)
    for seed in _SEEDS:
        yield Gain(4.0, seed=seed)
        yield Gain(4.0, tables=0.1, seed=seed)
