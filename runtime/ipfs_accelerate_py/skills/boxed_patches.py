"""Patches that are joined with the words inside of them, for all rows at once.

UDOP adds the patch at the middle of the box of each word to that word, and goes on with the patches that no word took
(`models/udop/modeling_udop.py::combine_image_text_embeddings`): one row after the other, cut and filled up by numbers
of Python. Here those patches are moved to the front by their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import in_models, replaced


@contextmanager
def by_order() -> Iterator[None]:
    """Within this, patches that no word took are sorted to the front, and none is cut out."""
    with replaced(*in_models({"combine_image_text_embeddings": _joined})):
        yield


def _joined(  # noqa: PLR0917  # as transformers calls it, by position
    image_embeddings: Any,
    inputs_embeds: Any,
    bbox: Any,
    visual_bbox: Any,
    attention_mask: Any = None,
    num_patches: int = 14,
    max_len: int = 0,
    image_size: int = 224,
    patch_size: int = 16,
) -> tuple[Any, Any, Any]:
    """Return states, boxes and mask of the words and, behind them, of the patches that no word took."""
    import torch
    from transformers.models.udop.modeling_udop import get_visual_bbox

    column, row = (
        torch.floor((bbox[:, :, axis] + bbox[:, :, axis + 2]) / 2.0 * num_patches)
        .long()
        .clamp(0, num_patches - 1)
        for axis in (0, 1)
    )
    patch = row * num_patches + column
    boxes = bbox.to(torch.float64)
    middle = boxes.mean(-1)
    nowhere = ((middle == 0.0) | (middle == 1.0)).unsqueeze(-1)
    width = image_embeddings.shape[-1]
    seen = image_embeddings.gather(1, patch.unsqueeze(-1).expand(-1, -1, width))
    words = inputs_embeds + torch.where(nowhere, 0.0, seen)

    if visual_bbox is None:
        visual_bbox = get_visual_bbox(image_size=image_size, patch_size=patch_size)
        visual_bbox = visual_bbox.unsqueeze(0).expand(image_embeddings.shape[0], -1, -1)
    count = image_embeddings.shape[1]
    number = torch.arange(count).expand(image_embeddings.shape[0], -1)
    taken = torch.zeros_like(number).scatter(1, patch, 1)
    order = torch.argsort(taken * count + number, dim=1)
    real = 1 - taken.gather(1, order)
    # As many as there is room for, filled up or cut.
    room = max_len - inputs_embeds.shape[1] - count if max_len else 0

    def first(tensor: Any) -> Any:
        moved = tensor.gather(1, order.unsqueeze(-1).expand(-1, -1, tensor.shape[-1]))
        return torch.nn.functional.pad(torch.where(real.unsqueeze(-1) > 0, moved, 0.0), (0, 0, 0, room))

    states = torch.cat([words, first(image_embeddings)], dim=1)
    boxes = torch.cat([boxes, first(visual_bbox.to(torch.float64))], dim=1)
    if attention_mask is not None:
        mask = torch.nn.functional.pad(real, (0, room)).to(attention_mask.dtype)
        attention_mask = torch.cat([attention_mask, mask], dim=1)
    return states, boxes, attention_mask
