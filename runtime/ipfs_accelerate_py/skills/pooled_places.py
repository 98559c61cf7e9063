"""Places of texts that are pooled from block to block, told while a graph is traced.

Funnel lists the places of each block in numbers of Python and looks distances up in a table (`models/funnel`): an
export keeps both as long as its example. Here places are tensors, and distances have their sines computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import whole
from ipfs_accelerate_py.skills.replacing import around, replaced


@contextmanager
def by_block() -> Iterator[None]:
    """Within this, the places of each block of a Funnel are reckoned from the length of the text."""
    with replaced(*around({"FunnelAttentionStructure": _reckoned}, "get_position_embeds")):
        yield


def _reckoned(usual: Any) -> Any:
    def embedded(self: Any, seq_len: Any, dtype: Any, device: Any) -> Any:
        """Return of each block the distances within it, and those from it to the block before."""
        import torch

        if self.config.attention_type == "factorized":
            return usual(self, seq_len, dtype, device)
        places = torch.arange(seq_len, device=device)
        found = []
        for block in range(self.config.num_blocks):
            across = None
            if block:
                before, places = places, _pooled(self.config, places, block)
                across = _waves(self, _distances(before, places, 2 ** (block - 1), 2), dtype)
            found.append([_waves(self, _distances(places, places, 2**block, 1), dtype), across])
        return found

    return embedded


def _pooled(config: Any, places: Any, block: int) -> Any:
    """Return every second place; that of the first token, if it is kept apart, is as far away as the block is wide."""
    import torch

    if not config.separate_cls:
        return places[::2]
    others = places[1:-1] if config.truncate_seq else places[1:]
    return torch.cat([torch.full_like(places[:1], 1 - 2**block), others[::2]])


def _distances(before: Any, places: Any, stride: int, shift: int) -> Any:
    """Return all distances between `before` and `places`, the longest first."""
    import torch

    longest = places[0] - before[0] + shift * torch.ones_like(places).sum() * stride
    count = whole(longest - (places[0] - before[-1]), stride) + 1
    return longest - stride * torch.arange(count, device=places.device)


def _waves(structure: Any, distances: Any, dtype: Any) -> Any:
    import torch

    half = structure.config.d_model // 2
    pace = 1 / (10000 ** (torch.arange(half, device=distances.device).to(dtype) / half))
    angles = distances.to(dtype)[:, None] * pace[None]
    return torch.cat(
        [structure.sin_dropout(torch.sin(angles)), structure.cos_dropout(torch.cos(angles))], dim=-1
    )
