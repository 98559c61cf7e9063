"""Towers that end each row of a picture with a vector of its own, written so that tracing keeps no size.

transformers goes from picture to picture, with the numbers of its grid (`models/hunyuan_vl/modeling_hunyuan_vl.py`).
Here the patches of all pictures are looked up at once, by the numbers that they have in the sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import Patches, between, numbered, starts_of, whole
from ipfs_accelerate_py.skills.replacing import in_classes, replaced


@contextmanager
def by_rows() -> Iterator[None]:
    """Within this, such towers ask no grid for its numbers."""
    with replaced(
        *in_classes({"HunYuanVLVisionPatchEmbed": _embedded}, "forward"),
        *in_classes({"HunYuanVLVisionTransformer": _captured()}, "forward"),
    ):
        yield


def _embedded(self: Any, pixel_values: Any, grid_thw: Any) -> Any:
    """Return the patches, (1, patches, width), each with its share of the places that were learned."""
    import torch

    side = self.patch_size
    pixels = pixel_values.reshape(-1, self.config.num_channels, side, side)
    patches = self.patch_embedding(pixels.to(dtype=self.patch_embedding.weight.dtype)).flatten(1)
    if self.config.interpolate_mode != "bilinear":
        raise NotImplementedError(f"places are read {self.config.interpolate_mode} between those learned")
    at, edge = Patches(grid_thw, 1), torch.as_tensor(self.position_edge)
    above, below, low = between(at.row, grid_thw[at.picture, 1], edge)
    left, right, far = between(at.column, grid_thw[at.picture, 2], edge)
    table = self.position_embedding.weight[1:].float()  # the first is of no patch

    def along(row: Any) -> Any:
        return table[row * edge + left] * (1 - far) + table[row * edge + right] * far

    places = along(above) * (1 - low) + along(below) * low
    return (patches + places.to(patches.dtype)).unsqueeze(0)


def _captured() -> Any:
    """Return the forward with what transformers puts around it, which gathers the states between layers."""
    from transformers.utils.output_capturing import capture_outputs

    return capture_outputs(_seen)


def _seen(self: Any, pixel_values: Any, grid_thw: Any, **kwargs: Any) -> Any:
    """Return the states of all patches, and one vector for each square of them, with what ends rows and pictures."""
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPooling
    from transformers.vision_utils import get_vision_attention_seqlens

    states = self.embeddings(pixel_values, grid_thw)
    starts, most = get_vision_attention_seqlens(grid_thw, self.config, kwargs=kwargs)
    for layer in self.layers:
        states = layer(states, cu_seqlens=starts, max_seqlen=most, attention_mask=None, **kwargs)

    merger, side = self.patch_merger, self.config.spatial_merge_size
    merged = whole(grid_thw[:, 1:], side)
    counts = merged[:, 0] * (merged[:, 1] + 1) + 2
    picture, place = numbered(counts)
    place = place - 1  # the first begins the picture
    wide = merged[picture, 1]
    row, column = whole(place, wide + 1), place % (wide + 1)
    begins, closes, ended = place < 0, place == counts[picture] - 2, column == wide
    patches = grid_thw[:, 0] * grid_thw[:, 1] * grid_thw[:, 2]
    first = starts_of(patches)[picture] + (row * grid_thw[picture, 2] + column) * side
    first = torch.where(begins | closes | ended, 0, first)
    down = torch.arange(side).repeat_interleave(side)
    inner = down * grid_thw[picture, 2:] + torch.arange(side).repeat(side)
    squares = merger.before_rms(states[0])[first.unsqueeze(1) + inner]  # (vectors, side * side, width)
    found = torch.nn.functional.linear(
        squares.flatten(1), merger.proj_conv.weight.permute(0, 2, 3, 1).flatten(1), merger.proj_conv.bias
    )
    found = torch.nn.functional.linear(
        merger.proj_act(found), merger.proj_out.weight[:, :, 0, 0], merger.proj_out.bias
    )
    found = merger.mlp(torch.where(ended.unsqueeze(1), merger.image_newline.to(found.dtype), found))
    found = torch.where(begins.unsqueeze(1), merger.image_begin.to(found.dtype), found)
    found = torch.where(closes.unsqueeze(1), merger.image_end.to(found.dtype), found)
    return BaseModelOutputWithPooling(
        last_hidden_state=states, pooler_output=merger.after_rms(found).unsqueeze(0)
    )
