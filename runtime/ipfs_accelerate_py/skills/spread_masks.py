"""Masks of attention that transformers makes place by place, made of all places at once.

Where a model joins patterns of its own (`models/gemma4`), `masking_utils.py` asks them of one place after the other by
`torch.vmap`, which no exporter traces. They ask tensors by number and compare, so they take all numbers, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from ipfs_accelerate_py.skills.replacing import replaced


@contextmanager
def by_broadcasting() -> Iterator[None]:
    """Within this, a pattern is asked of all places at once, and asks tensors as anyone does."""
    from transformers import masking_utils

    with replaced(
        (masking_utils, "_vmap_expansion_sdpa", _spread),
        (masking_utils, "TransformGetItemToIndex", nullcontext),
    ):
        yield


def _spread(pattern: Callable[..., Any]) -> Callable[..., Any]:
    def mask(batch: Any, heads: Any, queries: Any, keys: Any) -> Any:
        """Return which keys are seen, (batch, heads, queries, keys)."""
        seen = pattern(
            batch[:, None, None, None],
            heads[None, :, None, None],
            queries[None, None, :, None],
            keys[None, None, None, :],
        )
        return seen.expand(batch.shape[0], heads.shape[0], queries.shape[0], keys.shape[0])

    return mask
