"""Towers whose pictures come filled up to one size, written so that tracing keeps no size of its example.

transformers cuts each picture out of its frame with the sizes that are told, as slices of Python, and goes on with one
picture after the other (`models/pixtral/modeling_pixtral.py`, `models/emu3/modeling_emu3.py`). Here what is no filling
is picked out of all frames at once; between patches, the picture that each belongs to says which see each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import Patches, hidden, starts_of, whole
from ipfs_accelerate_py.skills.replacing import in_classes, replaced


@contextmanager
def by_sizes() -> Iterator[None]:
    """Within this, towers that are told the sizes of pictures in frames pick out patches, and cut nothing."""
    mergers = dict.fromkeys(
        ("Mistral3PatchMerger", "MistralLarge4PatchMerger", "LightOnOcrPatchMerger"), _merged
    )
    with replaced(
        *in_classes({"PixtralVisionModel": _captured()}, "forward"),
        *in_classes(mergers, "forward"),
        *in_classes({"Emu3Model": _coded}, "get_image_features"),
    ):
        yield


def _captured() -> Any:
    """Return the forward with what transformers puts around it, which gathers the states between layers."""
    from transformers.utils.generic import merge_with_config_defaults
    from transformers.utils.output_capturing import capture_outputs

    return merge_with_config_defaults(capture_outputs(_seen))


def _seen(self: Any, pixel_values: Any, image_sizes: Any = None, **kwargs: Any) -> Any:
    """Return the states of the patches of all pictures behind each other, (1, patches, width)."""
    import torch

    frames = self.patch_conv(pixel_values.to(dtype=self.patch_conv.weight.dtype))
    rows, columns = frames.shape[-2:]
    place = torch.arange(rows * columns)
    row, column = whole(place, columns), place % columns
    states = frames.flatten(2).transpose(1, 2)
    picture = torch.arange(frames.shape[0]).unsqueeze(1).expand(-1, rows * columns)
    if image_sizes is None:
        kept = torch.ones_like(picture, dtype=torch.bool)
    else:
        grid = whole(torch.as_tensor(image_sizes), self.patch_size)
        kept = (row < grid[:, :1]) & (column < grid[:, 1:])
    real = torch.nonzero(kept.flatten())[:, 0]
    patches = self.ln_pre(states.flatten(0, 1)[real].unsqueeze(0))
    picture = picture.flatten()[real]
    inside = real % (rows * columns)
    at = torch.stack([row[inside], column[inside]], dim=-1)
    return self.transformer(
        patches,
        attention_mask=hidden(picture, patches.dtype),
        position_embeddings=self.patch_positional_embedding(patches, at),
        **kwargs,
    )


def _coded(self: Any, pixel_values: Any, image_sizes: Any, **_: Any) -> Any:
    """Return the embeddings of the codes of all pictures, row by row, each row with its end."""
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    tower, words = self.vqmodel, self.vocabulary_mapping
    frames = pixel_values.unsqueeze(1).repeat(1, tower.config.temporal_downsample_factor, 1, 1, 1)
    hidden = tower.encoder(frames)
    inner = tower.quant_conv(hidden.transpose(1, 2)).transpose(1, 2)
    codes = words.img2bpe_mapping_tensor[tower.quantize(inner).squeeze(1)]
    sizes = whole(image_sizes, tower.vision_spatial_factor)
    high, wide = sizes[:, :1, None], sizes[:, 1:, None]
    column = torch.arange(codes.shape[2] + 1)
    row = torch.arange(codes.shape[1]).unsqueeze(1)
    ended = torch.nn.functional.pad(codes.long(), (0, 1))
    ended = torch.where(column == wide, words.eol_token_id, ended)
    kept = (row < high) & (column <= wide)
    tokens = ended.flatten()[torch.nonzero(kept.flatten())[:, 0]]
    return BaseModelOutputWithPooling(
        last_hidden_state=hidden, pooler_output=(self.get_input_embeddings()(tokens),)
    )


def _merged(self: Any, image_features: Any, image_sizes: Any) -> Any:
    """Return one vector for each square of patches, of the patches of all pictures, (patches, width)."""
    import torch

    side = self.spatial_merge_size
    grid = whole(torch.as_tensor(image_sizes), self.patch_size)
    # A row or column that fills no square is left out, as by transformers' unfolding.
    at = Patches(torch.nn.functional.pad(whole(grid, side) * side, (1, 0), value=1), side)
    order = starts_of(grid[:, 0] * grid[:, 1])[at.picture] + at.row * grid[at.picture, 1] + at.column
    squares = image_features[order].unflatten(0, (-1, side * side))
    return self.merging_layer(squares.transpose(1, 2).flatten(1))
