"""Towers that put tokens of their own before the patches of each of many pictures, done for all pictures at once.

transformers resizes the square of learned places to each picture, one after the other, with the numbers of its grid
(`models/radio`), and makes one vector of each square of patches in the same way (`models/nemotron_h_omni`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.merged_patches import in_squares
from ipfs_accelerate_py.skills.packed_pictures import Patches, between, numbered, starts_of
from ipfs_accelerate_py.skills.replacing import in_classes, replaced


@contextmanager
def by_places() -> Iterator[None]:
    """Within this, such towers ask no grid for its numbers."""
    with replaced(
        *in_classes({"RadioPatchEmbeddings": _embedded}, "_embed_packed_patches"),
        *in_classes({"NemotronH_Omni_Reasoning_V3": _seen}, "get_image_features"),
    ):
        yield


def _embedded(self: Any, pixel_values: Any, image_grid_hw: Any) -> Any:
    """Return the vectors of all pictures behind each other, each with the tower's own tokens first, (1, tokens, width).

    Places are read between those that were learned, of a square as large as the picture's longer side.
    """
    import torch

    at = Patches(torch.nn.functional.pad(image_grid_hw, (1, 0), value=1), 1)
    longer = image_grid_hw.amax(1)[at.picture]
    square = self.position_embedding[0].unflatten(0, (self.max_rows, self.max_cols)).float()
    up, down, low = between(at.row, longer, torch.tensor(self.max_rows))
    left, right, far = between(at.column, longer, torch.tensor(self.max_cols))
    upper = square[up, left] * (1 - far) + square[up, right] * far
    lower = square[down, left] * (1 - far) + square[down, right] * far
    patches = self.patch_projection(pixel_values)
    patches = patches + (upper * (1 - low) + lower * low).to(patches.dtype)
    own = self.cls_register_token
    counts = image_grid_hw[:, 0] * image_grid_hw[:, 1]
    picture, place = numbered(counts + own.shape[0])
    order = torch.where(place < own.shape[0], place, starts_of(counts)[picture] + place)
    return torch.cat([own, patches])[order].unsqueeze(0)


def _seen(self: Any, pixel_values: Any, image_grid_hw: Any, **given: Any) -> Any:
    """Return one vector for each square of patches, of the patches of all pictures, (squares, width)."""
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    given.pop("return_dict", None)
    kind = self.vision_model.config.torch_dtype
    found = self.vision_model(pixel_values.to(dtype=kind), image_grid_hw=image_grid_hw, **given)
    features = found.features
    if self.vision_final_layernorm is not None:
        features = self.vision_final_layernorm(features)
    side = round(1 / self.config.downsample_ratio)
    order = in_squares(torch.nn.functional.pad(image_grid_hw, (1, 0), value=1), side)
    squares = features[order].reshape(-1, side * side * features.shape[-1])
    return BaseModelOutputWithPooling(
        last_hidden_state=found.last_hidden_state,
        pooler_output=(self.multi_modal_projector(squares),),
        hidden_states=found.hidden_states,
        attentions=found.attentions,
    )
