"""PyTorch's side of towers that take patches of one picture: their layers, run without asking the data for lengths.

transformers' own forward packs pictures and cuts them apart by numbers that it reads out of a tensor, which no
exporter can follow. One picture at a time needs no cutting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.arrays import Module


def seen(tower: Module, patches: Any, places: Any, points: tuple[Any, Any] | None = None) -> dict[str, Any]:
    """Return the vectors of one picture, {"vectors": (vectors, width)}, from its patches and their places.

    `points` are the grid points around each patch and their shares, for towers with learned positions. A tower that
    passes more to the early layers of the decoder gives that, too: {"deeper": (vectors, layers * width)}.

    Raises:
        CheckpointError: the tower looks through windows, which is not known here.
    """
    import torch

    settings = tower.config.to_dict()
    if settings.get("fullatt_block_indexes"):
        raise CheckpointError(
            f"{type(tower).__name__} looks through windows, which this package does not know"
        )
    cut = tower.patch_embed.proj
    hidden = torch.nn.functional.linear(
        patches, cut.weight.flatten(1), cut.bias
    )  # each patch is its own window
    if points is not None:
        hidden = hidden + (tower.pos_embed(points[0]) * points[1].unsqueeze(-1)).sum(1)
    turns = tower.rotary_pos_emb(hidden, places)
    deeper = []
    levels = settings.get("deepstack_visual_indexes") or []
    for level, block in enumerate(tower.blocks):
        hidden = hidden + _attended(block.attn, block.norm1(hidden), turns)
        hidden = hidden + block.mlp(block.norm2(hidden))
        if level in levels:
            deeper.append(tower.deepstack_merger_list[levels.index(level)](hidden))
    found = {"vectors": tower.merger(hidden)}
    return found | ({"deeper": torch.cat(deeper, dim=-1)} if deeper else {})


def _attended(attention: Module, hidden: Any, turns: tuple[Any, Any]) -> Any:
    """Return what a layer of attention makes of `hidden` (patches, width): every patch sees all others."""
    import torch

    count = hidden.shape[0]
    queries, keys, values = (
        attention.qkv(hidden).reshape(count, 3, attention.num_heads, -1).permute(1, 2, 0, 3).unbind(0)
    )
    queries, keys = _turned(queries, turns), _turned(keys, turns)
    found = torch.nn.functional.scaled_dot_product_attention(
        queries.unsqueeze(0), keys.unsqueeze(0), values.unsqueeze(0)
    )
    return attention.proj(found[0].transpose(0, 1).reshape(count, -1))


def _turned(vectors: Any, turns: tuple[Any, Any]) -> Any:
    """Return `vectors` (heads, patches, width) turned by their places."""
    import torch

    cos, sin = turns
    first, second = vectors.chunk(2, dim=-1)
    return vectors * cos.to(vectors.dtype) + torch.cat([-second, first], dim=-1) * sin.to(vectors.dtype)


@contextmanager
def adding_everywhere(decoder: Module) -> Iterator[None]:
    """Let `decoder` add what its early layers are given to every token, and not at places that it must look for."""
    decoder._deepstack_process = lambda hidden, _places, more: hidden + more
    try:
        yield
    finally:
        del decoder._deepstack_process
