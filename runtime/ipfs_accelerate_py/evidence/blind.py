"""A control for heads with parts: does the decoder look at what they gave?"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

import numpy as np

from ipfs_accelerate_py.evidence.comparison import Array
from ipfs_accelerate_py.evidence.controls import relative_change
from ipfs_accelerate_py.skills.generation import Generator
from ipfs_accelerate_py.skills.session import Decoder, Engine


class _Blind:
    """An engine whose parts give nothing but zeros, of the right shapes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(self, part: str, batch: Mapping[str, Array]) -> dict[str, Array]:
        return {name: np.zeros_like(array) for name, array in self._engine.run(part, batch).items()}

    def decoding(self) -> AbstractContextManager[Decoder]:
        return self._engine.decoding()


def without_parts(generator: Generator, batch: Mapping[str, Array]) -> float:
    """Return how far the logits after the prompts of `batch` move if what the parts gave is lost."""
    engine = _Blind(generator.engine)
    with engine.decoding() as decoder:
        lost = generator.session(engine, decoder).begin(batch)
    return relative_change(generator.forward(batch), {"logits": lost})
