"""What is chosen without drawing gives the answers that drawing gives."""

from __future__ import annotations

import pytest
import torch
from transformers import ViltConfig, ViltModel
from transformers.models.vilt import modeling_vilt as vilt

from ipfs_accelerate_py.skills.drawn_places import without_drawing


@pytest.mark.parametrize("sizes", [[(32, 48), (16, 24)], [(48, 48), (48, 8)], [(8, 8), (24, 40)]])
def test_patches_in_their_order_give_the_answer_of_drawn_ones(sizes: list[tuple[int, int]]) -> None:
    torch.manual_seed(0)
    config = ViltConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=40,
        patch_size=8,
        vocab_size=20,
        initializer_range=0.5,
    )
    model = ViltModel(config).eval()
    torch.nn.init.normal_(model.embeddings.position_embeddings)
    mask = torch.zeros(2, max(high for high, _ in sizes), max(wide for _, wide in sizes), dtype=torch.long)
    for row, (high, wide) in enumerate(sizes):
        mask[row, :high, :wide] = 1
    pictures = torch.randn(2, 3, *mask.shape[1:])
    words = torch.tensor([[2, 3, 4], [5, 6, 0]])
    given = {"attention_mask": (words > 0).long(), "pixel_values": pictures}
    with torch.no_grad():
        want = model(words, pixel_mask=mask, **given).pooler_output
        with without_drawing():
            got = model(words, pixel_mask=mask, **given).pooler_output
            deaf = model(words, pixel_mask=torch.ones_like(mask), **given).pooler_output
    assert torch.allclose(got, want, rtol=0, atol=1e-5)
    assert not torch.allclose(deaf, want, rtol=0, atol=1e-2)


def test_a_model_that_is_told_how_many_patches_to_keep_draws_them() -> None:
    usual = vilt.ViltEmbeddings.visual_embed
    drawn: list[int] = []

    def told(*_: object, max_image_length: int) -> None:
        drawn.append(max_image_length)

    vilt.ViltEmbeddings.visual_embed = told
    try:
        with without_drawing():
            vilt.ViltEmbeddings.visual_embed(None, None, None, max_image_length=3)
    finally:
        vilt.ViltEmbeddings.visual_embed = usual
    assert drawn == [3]


def test_numbers_below_one_that_varies_are_far_apart() -> None:
    with without_drawing():
        found = torch.randint(0, torch.tensor(9), (torch.tensor(3),))
        same = torch.randint(0, torch.tensor(4), (torch.tensor(4),))
        usual = torch.randint(5, 6, (2,))
    assert found.tolist() == [0, 3, 6]
    assert same.tolist() == [0, 1, 2, 3]
    assert usual.tolist() == [5, 5]
