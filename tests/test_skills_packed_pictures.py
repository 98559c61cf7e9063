"""Places of packed pictures that are counted in tensors are those that transformers builds by loops."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import modeling_utils, vision_utils
from transformers.models.glm_ocr import modeling_glm_ocr as glm
from transformers.models.minicpmv4_6 import modeling_minicpmv4_6 as minicpm
from transformers.models.muse_glimmer import modeling_muse_glimmer as muse
from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl as qwen

from ipfs_accelerate_py.skills.packed_pictures import by_grid

_SIDES = st.integers(1, 4).map(lambda half: 2 * half)
_GRIDS = st.lists(st.tuples(st.integers(1, 2), _SIDES, _SIDES), min_size=1, max_size=3)


@given(_GRIDS, st.sampled_from([1, 2]), st.booleans())
def test_rows_and_columns_are_those_of_transformers(
    grids: list[tuple[int, int, int]], merge: int, frames: bool
) -> None:
    grid = torch.tensor(grids)
    want = vision_utils.get_vision_position_ids(grid, merge, include_temporal=frames)
    with by_grid():
        assert torch.equal(glm.get_vision_position_ids(grid, merge, include_temporal=frames), want)


@given(_GRIDS)
def test_squares_side_by_side_are_those_of_transformers(grids: list[tuple[int, int, int]]) -> None:
    want = muse.get_vision_pixel_shuffle_index(torch.tensor(grids), 2)
    with by_grid():
        assert torch.equal(muse.get_vision_pixel_shuffle_index(torch.tensor(grids), 2), want)


@given(_GRIDS)
def test_a_merge_of_each_picture_is_taken(grids: list[tuple[int, int, int]]) -> None:
    grid, merge = torch.tensor(grids), torch.tensor([1 + place % 2 for place in range(len(grids))])
    want = vision_utils.get_vision_position_ids(grid, merge)
    with by_grid():
        assert torch.equal(glm.get_vision_position_ids(grid, merge), want)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=3), st.integers(2, 12))
def test_the_nearest_learned_places_are_those_of_transformers(
    sizes: list[tuple[int, int]], side: int
) -> None:
    want = vision_utils.get_vision_nearest_position_ids(torch.tensor(sizes), side)
    with by_grid():
        got = minicpm.get_vision_nearest_position_ids(torch.tensor(sizes), side)
    assert torch.equal(got, want)


@given(_GRIDS, st.sampled_from([1, 2]))
def test_windows_are_those_of_transformers(grids: list[tuple[int, int, int]], merge: int) -> None:
    grid, window, patch = torch.tensor(grids), 24, 4
    order, starts = vision_utils.get_vision_window_index(grid, merge, window, patch)
    with by_grid():
        got_order, got_starts = qwen.get_vision_window_index(grid, merge, window, patch)
    assert torch.equal(got_order, order)
    assert got_starts.tolist() == starts.tolist()


def test_pictures_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    config = glm.GlmOcrVisionConfig(
        depth=2, hidden_size=16, num_heads=2, intermediate_size=16, out_hidden_size=16, patch_size=2
    )
    tower = glm.GlmOcrVisionModel._from_config(config, attn_implementation="eager").eval()
    grid = torch.tensor([[1, 2, 4], [1, 4, 2], [1, 2, 2]])
    patches = torch.randn(20, 3 * 2 * 2 * config.temporal_patch_size)
    with torch.no_grad():
        want = tower(patches, grid).last_hidden_state
        with by_grid():
            got = tower(patches, grid).last_hidden_state
        mixed = tower(patches, torch.tensor([[1, 2, 10]])).last_hidden_state
    # The same sums; a masked place adds an exact zero.
    assert torch.allclose(got, want, rtol=0, atol=1e-5)
    assert not torch.allclose(mixed, want, rtol=0, atol=1e-2)


def test_sizes_that_no_tensor_told_are_cut_by() -> None:
    tensor = torch.arange(6)
    with by_grid():
        assert [each.tolist() for each in torch.split(tensor, [2, 4])] == [[0, 1], [2, 3, 4, 5]]
        assert torch.tensor([2, 4]).tolist() == [2, 4]
        assert torch.tensor(3).tolist() == 3


@pytest.mark.parametrize("name", ["get_vision_position_ids", "is_flash_attention_requested"])
def test_transformers_is_as_it_was_afterwards(name: str) -> None:
    def state() -> tuple[Any, ...]:
        return getattr(glm, name), modeling_utils.AttentionInterface.get_interface, torch.split

    before = state()
    with by_grid():
        assert state() != before
    assert state() == before


def test_what_was_cut_and_is_joined_again_is_the_whole() -> None:
    tensor = torch.arange(24.0).reshape(6, 4)
    with by_grid():
        rows, columns = tensor.split(torch.tensor([1, 2, 3]).tolist()), tensor.split(
            torch.tensor([3, 1]).tolist(), 1
        )
        assert torch.cat(rows) is tensor
        assert torch.cat(columns, dim=1) is tensor
        assert torch.equal(torch.cat(rows[1:]), tensor[1:])
        assert torch.equal(torch.cat([each * 2 for each in rows]), tensor * 2)
        assert [len(each) for each in rows] == [1, 2, 3]
