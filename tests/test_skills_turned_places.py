"""Places of tokens are those of transformers where they are counted for all texts at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers.models.cosmos3_omni.modeling_cosmos3_omni import Cosmos3OmniModel
from transformers.models.hunyuan_vl.modeling_hunyuan_vl import HunYuanVLModel

from ipfs_accelerate_py.skills import rewrites

# Two texts, filled up on the left and on the right, with two pictures and with one.
GRIDS = torch.tensor([[1, 4, 4], [1, 2, 6], [1, 4, 2]])


def texts(lengths: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the kinds of tokens and the mask of two texts: words, and pictures as long as `lengths` says."""
    rows = [[kind for length in row for kind in [0, *[1] * length, 0, 0]] for row in lengths]
    longest = max(map(len, rows)) + 2
    kinds = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros_like(kinds)
    for number, row in enumerate(rows):
        first = longest - len(row) if number % 2 else 0
        kinds[number, first : first + len(row)] = torch.tensor(row)
        mask[number, first : first + len(row)] = 1
    return kinds, mask


def model(kind: Any, axes: int) -> Any:
    config = SimpleNamespace(
        text_config=SimpleNamespace(rope_parameters={"mrope_section": [1] * axes}),
        vision_config=SimpleNamespace(spatial_merge_size=2),
    )
    own = SimpleNamespace(config=config)
    own.get_vision_position_ids = lambda *given, **more: kind.get_vision_position_ids(own, *given, **more)
    return own


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(
    ("kind", "axes", "lengths"),
    [
        (HunYuanVLModel, 4, [[6 + 2, 4], [4 + 2]]),  # with a token before and behind, and without
        (HunYuanVLModel, 3, [[6, 4 + 2], [4]]),
        (Cosmos3OmniModel, 3, [[4, 3], [2]]),
    ],
)
def test_places_are_counted(kind: Any, axes: int, lengths: list[list[int]], masked: bool) -> None:
    kinds, mask = texts(lengths)
    ids = torch.arange(kinds.numel()).reshape(kinds.shape)
    own, given = model(kind, axes), mask if masked else None
    usual = kind.get_rope_index(own, ids, kinds, image_grid_thw=GRIDS, attention_mask=given)
    with rewrites.traced():
        found = kind.get_rope_index(own, ids, kinds, image_grid_thw=GRIDS, attention_mask=given)
    for one, other in zip(usual, found, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(usual[0][0], usual[0][-1])


def test_a_text_without_pictures_is_counted_word_by_word() -> None:
    kinds, mask = texts([[0, 0], [0]])
    own = model(HunYuanVLModel, 4)
    usual = HunYuanVLModel.get_rope_index(own, kinds, kinds, attention_mask=mask)
    with rewrites.traced():
        found = HunYuanVLModel.get_rope_index(own, kinds, kinds, attention_mask=mask)
    assert all(torch.equal(one, other) for one, other in zip(usual, found, strict=True))
