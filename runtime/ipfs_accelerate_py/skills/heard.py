"""PyTorch's side of encoders of sound that a decoder stands behind: which of their frames have sound in them."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_py.skills.arrays import Module
from ipfs_accelerate_py.skills.eager import Pooling, pool
from ipfs_accelerate_py.skills.rows import row_mask


def mean_of_heard(encoder: Module, output: Any, mask: Any) -> Any:
    """Return the mean of the frames in `output` of `encoder` that have sound in them, (sounds, width).

    An encoder that is told by `mask` (sounds, samples or rows) where each sound ends may say in its output which of
    its frames are heard, for the decoder that reads them; of another they are counted.
    """
    hidden = output.last_hidden_state
    told = output.get("attention_mask")
    heard = row_mask(encoder, mask, hidden.shape[1]) if told is None else told
    return pool(hidden, heard, Pooling())
