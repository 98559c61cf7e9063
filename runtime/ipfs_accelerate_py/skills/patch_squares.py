"""What towers do with neighbouring patches, one picture after the other, done for those of all pictures at once.

transformers gives the patches of each picture the shape of its grid, as numbers of Python, which tracing would keep.
Here the patches of a square, or those around a patch, are looked up by the numbers that they have in the sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import Patches, whole
from ipfs_accelerate_py.skills.replacing import in_classes, replaced


@contextmanager
def by_neighbours() -> Iterator[None]:
    """Within this, towers that ask the grid of each picture for its numbers look the patches up instead."""
    with replaced(
        *in_classes({"Lfm2VlModel": _unpadded}, "get_image_features"),
        *in_classes({"PaddleOCRProjector": _projected, "Lfm3VlVisionShortConv": _convolved}, "forward"),
    ):
        yield


def _unpadded(
    self: Any, pixel_values: Any, spatial_shapes: Any, pixel_attention_mask: Any, **kwargs: Any
) -> Any:
    """Return the tower's output with one vector for each square of patches, of rows that are filled up."""
    import torch

    kwargs.pop("return_dict", None)
    outputs = self.vision_tower(
        pixel_values=pixel_values,
        spatial_shapes=spatial_shapes,
        pixel_attention_mask=pixel_attention_mask,
        return_dict=True,
        **kwargs,
    )
    states, projector = outputs.last_hidden_state, self.multi_modal_projector
    at = Patches(torch.nn.functional.pad(spatial_shapes, (1, 0), value=1), projector.factor)
    order = at.picture * states.shape[1] + at.row * spatial_shapes[at.picture, 1] + at.column
    squares = states.flatten(0, 1)[order].unflatten(0, (-1, projector.factor**2)).flatten(1)
    if projector.use_layer_norm:
        squares = projector.layer_norm(squares)
    outputs.pooler_output = [projector.linear_2(projector.act(projector.linear_1(squares)))]
    return outputs


def _projected(self: Any, image_features: Any, image_grid_thw: Any) -> Any:
    """Return one vector for each square of the patches of all pictures, which come row by row."""
    high, wide = self.merge_kernel_size
    assert high == wide, "the only constructor gives one size twice"
    at = Patches(image_grid_thw, high)
    row = at.frame * image_grid_thw[at.picture, 1] + at.row
    order = at.start + row * image_grid_thw[at.picture, 2] + at.column
    squares = self.pre_norm(image_features)[order].unflatten(0, (-1, high * wide)).flatten(1)
    return self.linear_2(self.act(self.linear_1(squares)))


def _convolved(self: Any, hidden_states: Any, grid_thw: Any, **_: Any) -> Any:
    """Return the patches, (patches, width), and what lies around each: by the numbers that these have."""
    import torch

    grids, side = grid_thw.tensor, self.spatial_merge_size  # the tower asked this tensor for its numbers
    gate, out, given = self.in_proj(hidden_states).chunk(3, dim=-1)
    gated, at = gate * given, Patches(grids, side)
    high, wide = grids[at.picture, 1], grids[at.picture, 2]
    weights = self.spatial_conv.weight[:, 0]
    reach = weights.shape[-1] // 2
    found = torch.zeros_like(gated)
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            row, column = at.row + down, at.column + right
            inside = (row >= 0) & (row < high) & (column >= 0) & (column < wide)
            row, column = torch.where(inside, row, 0), torch.where(inside, column, 0)
            square = whole(row, side) * whole(wide, side) + whole(column, side)
            place = (
                at.start + at.frame * high * wide + square * side * side + row % side * side + column % side
            )
            share = gated[place] * weights[:, reach + down, reach + right]
            found = found + torch.where(inside.unsqueeze(1), share, 0.0)
    return self.out_proj(out * found)
