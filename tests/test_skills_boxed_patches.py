"""Words and the patches that none of them took are those of transformers, for all rows at once."""

from __future__ import annotations

import pytest
import torch
from transformers.models.udop import modeling_udop as udop

from ipfs_accelerate_py.skills.boxed_patches import by_order


@pytest.mark.parametrize("room", [0, 12, 40])
@pytest.mark.parametrize("words", [1, 5, 9])
def test_words_and_patches_are_those_of_transformers(room: int, words: int) -> None:
    draw = torch.Generator().manual_seed(words)
    corners = torch.rand((3, words, 2, 2), generator=draw).sort(dim=2).values
    boxes = corners.flatten(2)
    boxes[0, 0], boxes[1, 0] = 0.0, 1.0  # what is nowhere on the page
    images = torch.randn((3, 16, 4), generator=draw)
    states = torch.randn((3, words, 4), generator=draw)
    mask = torch.ones(3, words, dtype=torch.long)
    sizes = {"num_patches": 4, "max_len": room, "image_size": 8, "patch_size": 2}
    want = udop.combine_image_text_embeddings(images, states.clone(), boxes, None, mask, **sizes)
    with by_order():
        got = udop.combine_image_text_embeddings(images, states.clone(), boxes, None, mask, **sizes)
    for found, right in zip(got, want, strict=True):
        assert found.dtype == right.dtype
        assert torch.equal(found, right)


def test_without_a_mask_there_is_none() -> None:
    boxes = torch.full((1, 2, 4), 0.4)
    images, states = torch.ones(1, 4, 2), torch.zeros(1, 2, 2)
    sizes = {"num_patches": 2, "image_size": 4, "patch_size": 2}
    with by_order():
        found = udop.combine_image_text_embeddings(images, states, boxes, None, **sizes)
    assert found[2] is None
    assert found[0][0, :, 0].tolist() == [1, 1, 1, 1, 1, 0]
