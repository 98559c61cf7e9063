"""Pictures cut into tiles give the same vectors where those of all pictures are laid out at once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    Granite4VisionConfig,
    Granite4VisionModel,
    LlavaNextVideoConfig,
    LlavaNextVideoModel,
    LlavaOnevisionConfig,
    LlavaOnevisionModel,
)
from transformers.image_processing_utils import select_best_resolution
from transformers.models.llava_next.modeling_llava_next import image_size_to_num_patches

from ipfs_accelerate_py.skills import rewrites, tiled_towers

PINPOINTS = [[32 * high, 32 * wide] for high in range(1, 7) for wide in range(1, 7) if high * wide > 1]
WIDTH = 64  # by which Granite counts the heads of its projectors
TEXT = {"model_type": "llama", "hidden_size": WIDTH, "intermediate_size": 16, "num_hidden_layers": 2}
TOWER = {"hidden_size": WIDTH, "intermediate_size": 16, "num_hidden_layers": 2, "image_size": 32}
CLIP = {"model_type": "clip_vision_model", "patch_size": 8, "num_attention_heads": 2, **TOWER}
HEADS = {"num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": 64}
SIZES = [
    [[40, 24]],
    [[24, 40], [300, 300], [33, 200], [64, 32]],  # as they are, shrunk, and with a frame above and beside
    [[160, 160], [500, 90], [131, 129], [192, 192]],
]


def model(kind: Any) -> Any:
    torch.manual_seed(0)
    common = {"image_grid_pinpoints": PINPOINTS, "text_config": {**TEXT, **HEADS}, "vision_config": CLIP}
    if kind is LlavaOnevisionModel:
        siglip = {**CLIP, "model_type": "siglip_vision_model", "vision_use_head": False}
        return kind(LlavaOnevisionConfig(**{**common, "vision_config": siglip})).eval()
    if kind is LlavaNextVideoModel:
        return kind(LlavaNextVideoConfig(**common)).eval()
    reading = {
        "hidden_size": WIDTH,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
    }
    granite = {
        **common,
        "text_config": {key: value for key, value in {**TEXT, **HEADS}.items() if key != "model_type"},
        "downsample_rate": "1/2",
        "deepstack_layer_map": [[0, 0]],
        "spatial_target_layers": [1],
        "qformer_config": {
            "model_type": "blip_2_qformer",
            "encoder_hidden_size": WIDTH,
            "cross_attention_frequency": 1,
            **reading,
        },
    }
    return kind(Granite4VisionConfig(**granite)).eval()


def vectors(found: Any) -> torch.Tensor:
    if "deepstack_features" in found:
        return torch.stack([torch.cat(list(each)) for _, each in found.deepstack_features])
    return torch.cat(list(found.pooler_output))


@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("kind", [LlavaOnevisionModel, LlavaNextVideoModel, Granite4VisionModel])
def test_the_vectors_of_tiles_are_read_in_the_same_order(kind: Any, stacked: bool) -> None:
    own = model(kind)
    for sizes in SIZES:
        counts = [image_size_to_num_patches(size, PINPOINTS, 32) for size in sizes]
        tiles = [torch.randn(count, 3, 32, 32) for count in counts]
        filled = [torch.cat([each, each.new_ones(max(counts) - len(each), 3, 32, 32)]) for each in tiles]
        pixels = torch.stack(filled) if stacked else torch.cat(tiles)
        with torch.no_grad():
            usual = vectors(own.get_image_features(pixels, torch.tensor(sizes), return_dict=True))
            with rewrites.traced():
                found = vectors(own.get_image_features(pixels, torch.tensor(sizes), return_dict=True))
        assert found.shape == usual.shape
        assert torch.allclose(found, usual, rtol=0, atol=1e-5)


def test_of_several_pictures_in_a_text_none_is_cut() -> None:
    own = model(LlavaOnevisionModel)
    sizes, each = torch.tensor([[40, 24], [24, 40], [40, 24]]), torch.tensor([2, 1])
    pixels = torch.randn(3, 3, 3, 32, 32)
    with torch.no_grad():
        usual = own.get_image_features(pixels, sizes, batch_num_images=each, return_dict=True).pooler_output
        with rewrites.traced():
            found = own.get_image_features(pixels, sizes, batch_num_images=each, return_dict=True)
    assert [len(vectors) for vectors in usual[:2]] == [17, 17]
    assert torch.allclose(torch.cat(found.pooler_output), torch.cat(usual), rtol=0, atol=1e-5)


SIDE = st.integers(min_value=1, max_value=4000)
GRIDS = st.lists(st.tuples(*[st.integers(1, 6).map(lambda count: 336 * count)] * 2), min_size=1, max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(SIDE, SIDE), min_size=1, max_size=6), GRIDS)
def test_the_best_grid_is_that_of_transformers(sizes: list[tuple[int, int]], grids: list[Any]) -> None:
    height, width = torch.tensor(sizes).unbind(1)
    found = tiled_towers.best(height, width, torch.tensor(grids))
    assert [grids[place] for place in found] == [select_best_resolution(size, grids) for size in sizes]
