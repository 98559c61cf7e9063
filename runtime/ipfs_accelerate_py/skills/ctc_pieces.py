"""From frames to text, where a model trained with CTC writes pieces of words, and not letters.

Equal tokens in a row are one, and the blank, which is the model's pad token, is none: what is left is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.scores import softmax
from ipfs_accelerate_py.skills.text import TextInput


@dataclass(frozen=True)
class Pieces:
    """The tokenizer of a checkpoint, and the token that stands for nothing."""

    checkpoint: Checkpoint

    @cached_property
    def blank(self) -> int:
        """The id of the token that stands for nothing.

        Raises:
            CheckpointError: config.json names none.
        """
        place = self.checkpoint.config.get("pad_token_id")
        if not isinstance(place, int) or isinstance(place, bool):
            raise CheckpointError(
                f"{self.checkpoint.folder}: config.json has no pad_token_id, which frames without a token have"
            )
        return place

    @cached_property
    def _text(self) -> TextInput:
        return TextInput(self.checkpoint, names=(), limit_field="")

    def written(self, logits: Array) -> tuple[str, list[int], float]:
        """Return what the likeliest tokens of `logits`, (frames, tokens), say: text, ids and mean probability."""
        best = logits.argmax(axis=-1).tolist()
        scores = softmax(logits.astype(np.float64)).max(axis=-1)
        tokens: list[int] = []
        likely: list[float] = []
        for token, run in groupby(enumerate(best), key=lambda frame: frame[1]):
            places = [place for place, _ in run]
            if token != self.blank:
                tokens.append(int(token))
                likely.append(float(scores[places].max()))
        text = self._text.decode(tokens, skip_special=False) if tokens else ""
        return text, tokens, float(np.mean(likely if likely else scores))
