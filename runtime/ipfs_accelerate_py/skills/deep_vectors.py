"""Vectors of pictures that early layers of a decoder add to their tokens, looked up by the tokens.

transformers picks those tokens out, adds, and writes them back in place, which no exporter turns into a graph of any
size (`models/qwen3_vl/modeling_qwen3_vl.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import classes_with, replaced

_NAME = "_deepstack_process"


@contextmanager
def by_tokens() -> Iterator[None]:
    """Within this, each token of a picture takes the vector that is its own."""
    with replaced(*((kind, _NAME, _added) for kind in classes_with(_NAME))):
        yield


def _added(self: Any, hidden_states: Any, visual_pos_masks: Any, visual_embeds: Any) -> Any:
    import torch

    # One vector of nothing behind them: a text without pictures has none to look up.
    vectors = torch.nn.functional.pad(visual_embeds.to(hidden_states.dtype), (0, 0, 0, 1))
    number = visual_pos_masks.flatten().long().cumsum(0) - 1
    number = torch.where(visual_pos_masks.flatten(), number, vectors.shape[0] - 1)
    return hidden_states + vectors[number].reshape(hidden_states.shape)
