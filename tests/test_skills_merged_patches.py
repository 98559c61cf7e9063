"""Squares of patches are merged for all pictures at once, and give what transformers gives picture by picture."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import MiniCPMV4_6Config
from transformers.models.minicpmv4_6.modeling_minicpmv4_6 import MiniCPMV4_6Merger

from ipfs_accelerate_py.skills import rewrites
from ipfs_accelerate_py.skills.merged_patches import as_many_as_told

GRIDS = torch.tensor([[8, 4], [4, 12], [4, 4]])


@pytest.mark.parametrize("turns", [1, 2])
def test_what_is_merged_again_and_again_is_merged_for_all_pictures_at_once(turns: int) -> None:
    config = MiniCPMV4_6Config(merger_times=turns)
    config.vision_config.hidden_size = 8
    config.text_config.hidden_size = 6
    torch.manual_seed(0)
    merger = MiniCPMV4_6Merger(copy.deepcopy(config)).eval()
    patches = torch.randn(1, int(GRIDS.prod(1).sum()), 8)
    with torch.no_grad():
        usual = merger(patches, GRIDS)
        with rewrites.traced():
            found = merger(patches, GRIDS)
    assert [len(each) for each in usual] == [int(grid.prod()) // 4**turns for grid in GRIDS]
    torch.testing.assert_close(torch.cat(found), torch.cat(usual))


@pytest.mark.parametrize(("counted", "taken"), [(4, 8), (2, 6)])
def test_as_many_vectors_are_taken_as_grids_count(counted: int, taken: int) -> None:
    vectors = torch.randn(8, 3)
    grids = torch.tensor([[2, 2, 0, 0], [1, counted, 0, 0]])

    def usual(*_: Any) -> Any:
        return SimpleNamespace(pooler_output=vectors.split(4))

    found = as_many_as_told(usual)(None, None, None, grids).pooler_output
    assert torch.equal(torch.cat(found), vectors[:taken])
    with pytest.raises(IndexError):
        as_many_as_told(usual)(None, None, None, grids * 2)
