"""Pictures behind tokens of a tower are seen at once as transformers sees them one after the other."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from transformers import RadioConfig, RadioModel
from transformers.models.nemotron_h_omni.modeling_nemotron_h_omni import NemotronH_Omni_Reasoning_V3
from transformers.models.radio.modeling_radio import RadioPatchEmbeddings

from ipfs_accelerate_py.skills import rewrites

# One as large as what was learned, and others that are larger, smaller and long.
GRIDS = torch.tensor([[4, 4], [6, 10], [2, 2], [2, 8]])


def tower() -> RadioModel:
    torch.manual_seed(0)
    config = RadioConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        patch_size=2,
        max_img_size=8,
        image_size=8,
    )
    model = RadioModel(config).eval()
    torch.nn.init.normal_(model.embeddings.position_embedding)
    torch.nn.init.normal_(model.embeddings.cls_register_token)
    return model


@pytest.mark.parametrize("grids", [GRIDS, GRIDS[1:2]])
def test_patches_read_places_between_learned_ones(grids: torch.Tensor) -> None:
    model = tower()
    pixels = torch.randn(int(grids.prod(1).sum()), model.config.patch_dim)
    assert isinstance(model.embeddings, RadioPatchEmbeddings)
    with torch.no_grad():
        usual = model(pixels, image_grid_hw=grids)
        with rewrites.traced():
            found = model(pixels, image_grid_hw=grids)
    torch.testing.assert_close(found.features, usual.features, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.summary, usual.summary, rtol=0, atol=1e-5)


def test_squares_of_all_pictures_become_vectors() -> None:
    features = torch.randn(int(GRIDS.prod(1).sum()), 3)
    seen = SimpleNamespace(features=features, last_hidden_state=None, hidden_states=None, attentions=None)
    kind = NemotronH_Omni_Reasoning_V3

    class Tower:
        config = SimpleNamespace(torch_dtype=torch.float32)

        def __call__(self, pixel_values: torch.Tensor, **_: torch.Tensor) -> SimpleNamespace:
            return seen

    own = SimpleNamespace(
        config=SimpleNamespace(downsample_ratio=0.5, return_dict=True),
        vision_model=Tower(),
        vision_final_layernorm=None,
        multi_modal_projector=lambda vectors: vectors,
    )
    own.pixel_shuffle = lambda *given, **more: kind.pixel_shuffle(own, *given, **more)
    usual = kind.get_image_features(own, features, GRIDS).pooler_output
    with rewrites.traced():
        found = kind.get_image_features(own, features, GRIDS).pooler_output
    assert len(usual) == len(GRIDS)
    assert torch.equal(torch.cat(found), torch.cat(usual))
