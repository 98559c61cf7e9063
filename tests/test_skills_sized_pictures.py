"""Towers that would read the sizes of pictures as numbers answer the same where they look their patches up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import PixtralVisionConfig, PixtralVisionModel
from transformers.models.emu3.configuration_emu3 import Emu3VQVAEConfig
from transformers.models.emu3.modeling_emu3 import Emu3ImageVocabularyMapping, Emu3Model, Emu3VQVAE
from transformers.models.kimi_k25 import modeling_kimi_k25 as kimi
from transformers.models.lfm2_vl.modeling_lfm2_vl import Lfm2VlModel, Lfm2VlMultiModalProjector
from transformers.models.lfm3_vl.modeling_lfm3_vl import Lfm3VlVisionShortConv
from transformers.models.mistral3.modeling_mistral3 import Mistral3PatchMerger
from transformers.models.paddleocr_vl.modeling_paddleocr_vl import PaddleOCRProjector

from ipfs_accelerate_py.skills import rewrites

SIZES = [
    torch.tensor([[16, 16]]),
    torch.tensor([[16, 32], [24, 8], [8, 8]]),
]
GRIDS = [torch.tensor([[1, 4, 2]]), torch.tensor([[1, 2, 4], [3, 4, 2], [1, 6, 6]])]


def both(run: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what `run` gives as PyTorch runs it, and while the rewrites hold."""
    with torch.no_grad():
        usual = run()
        with rewrites.traced():
            return usual, run()


def alike(usual: torch.Tensor, rewritten: torch.Tensor) -> bool:
    # The same products in another order: float32 rounds each at 1e-7.
    return usual.shape == rewritten.shape and torch.allclose(usual, rewritten, rtol=0, atol=1e-5)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("sizes", SIZES, ids=len)
def test_patches_of_frames_of_one_size_see_their_own_picture(sizes: torch.Tensor) -> None:
    config = PixtralVisionConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, patch_size=4
    )
    tower = PixtralVisionModel(config).eval()
    frames = torch.randn(len(sizes), 3, *(int(side) for side in sizes.amax(0)))
    usual, rewritten = both(lambda: tower(frames, image_sizes=sizes).last_hidden_state)
    assert alike(usual, rewritten)
    assert alike(*both(lambda: tower(frames).last_hidden_state))
    changed = frames.clone()
    changed[-1] = -changed[-1]
    _, moved = both(lambda: tower(changed, image_sizes=sizes).last_hidden_state)
    own = int((sizes[-1] // 4).prod())
    assert not torch.allclose(moved[0, -own:], rewritten[0, -own:], atol=1e-2)
    assert torch.equal(moved[0, :-own], rewritten[0, :-own])


@pytest.mark.parametrize("sizes", [*SIZES, torch.tensor([[20, 12], [8, 16]])], ids=["one", "three", "odd"])
def test_squares_of_patches_are_merged_picture_by_picture(sizes: torch.Tensor) -> None:
    config = SimpleNamespace(vision_config=SimpleNamespace(hidden_size=6, patch_size=4), spatial_merge_size=2)
    merger = Mistral3PatchMerger(config)
    features = torch.randn(int((sizes // 4).prod(1).sum()), 6)
    assert alike(*both(lambda: merger(features, sizes)))


@pytest.mark.parametrize("grids", GRIDS, ids=len)
def test_a_convolution_sees_the_patches_around_one_in_its_frame_alone(grids: torch.Tensor) -> None:
    layer = Lfm3VlVisionShortConv(SimpleNamespace(spatial_merge_size=2, hidden_size=6, conv_kernel_size=3), 0)
    states = torch.randn(int(grids.prod(1).sum()), 6)
    assert alike(*both(lambda: layer(states, grid_thw=grids.tolist())))


@pytest.mark.parametrize("grids", GRIDS, ids=len)
def test_squares_of_rows_are_projected_picture_by_picture(grids: torch.Tensor) -> None:
    config = SimpleNamespace(
        vision_config=SimpleNamespace(hidden_size=6, spatial_merge_size=2),
        text_config=SimpleNamespace(hidden_size=8),
    )
    layer = PaddleOCRProjector(config)
    states = torch.randn(int(grids.prod(1).sum()), 6)
    assert alike(*both(lambda: layer(states, grids)))


@pytest.mark.parametrize("normed", [False, True])
def test_rows_that_are_filled_up_are_projected_without_the_filling(normed: bool) -> None:
    config = SimpleNamespace(
        vision_config=SimpleNamespace(hidden_size=6),
        text_config=SimpleNamespace(hidden_size=8),
        downsample_factor=2,
        projector_use_layernorm=normed,
        projector_hidden_size=10,
        projector_bias=True,
        projector_hidden_act="gelu",
    )
    shapes = torch.tensor([[2, 4], [4, 4], [4, 2]])
    states = torch.randn(3, 16, 6)
    mask = (torch.arange(16) < shapes.prod(1, keepdim=True)).long()

    def tower(**_: Any) -> Any:
        return SimpleNamespace(last_hidden_state=states)

    model = SimpleNamespace(vision_tower=tower, multi_modal_projector=Lfm2VlMultiModalProjector(config))

    def features() -> torch.Tensor:
        now = Lfm2VlModel.get_image_features
        return torch.cat(getattr(now, "__wrapped__", now)(model, states, shapes, mask).pooler_output)

    assert alike(*both(features))


def test_the_frames_of_a_film_are_counted_and_a_picture_has_none() -> None:
    for grids in GRIDS:
        usual, rewritten = both(lambda: kimi.get_vision_frame_index(grids))  # noqa: B023 - run at once
        assert usual.tolist() == rewritten.tolist()


@pytest.mark.parametrize("sizes", SIZES, ids=len)
def test_codes_of_pictures_are_read_row_by_row(sizes: torch.Tensor) -> None:
    config = Emu3VQVAEConfig(
        codebook_size=20,
        embed_dim=4,
        latent_channels=4,
        base_channels=32,
        channel_multiplier=[1, 1],
        num_res_blocks=1,
        hidden_size=32,
        attn_resolutions=[8],
        temporal_downsample_factor=2,
    )
    vocabulary = {f"<|visual token {number:06d}|>": number for number in range(20)}
    words = Emu3ImageVocabularyMapping({**vocabulary, "<|extra_200|>": 20, "<image>": 21})
    table = torch.nn.Embedding(22, 5)
    model = SimpleNamespace(
        vqmodel=Emu3VQVAE(config), vocabulary_mapping=words, get_input_embeddings=lambda: table
    )
    frames = torch.randn(len(sizes), 3, *(int(side) for side in sizes.amax(0)))

    def features() -> torch.Tensor:
        now = Emu3Model.get_image_features
        return torch.cat(getattr(now, "__wrapped__", now)(model, frames, sizes).pooler_output)

    assert alike(*both(features))


def test_an_axis_that_is_longer_than_one_is_left() -> None:
    with rewrites.traced():
        assert torch.ones(2, 3).squeeze(0).shape == (2, 3)
        assert torch.ones(1, 3).squeeze(0).shape == (3,)
        assert torch.ones(2, 1).squeeze(-1).shape == (2,)
        assert torch.ones(1, 3, 1).squeeze().shape == (3,)
        assert torch.ones(1, 3, 1).squeeze((0, 2)).shape == (3,)
        assert torch.ones(()).squeeze(0).shape == ()
