"""A depth that was traced for one picture is as large as any other, and what transformers makes of it."""

from __future__ import annotations

import warnings

import pytest
import torch
from transformers import DepthAnythingConfig, Dinov2Config
from transformers.models.depth_anything.modeling_depth_anything import DepthAnythingDepthEstimationHead

from ipfs_accelerate_py.skills import rewrites


@pytest.mark.parametrize("kind", ["relative", "metric"])
def test_a_traced_head_gives_a_depth_for_each_number_of_patches(kind: str) -> None:
    torch.manual_seed(0)
    config = DepthAnythingConfig(
        backbone_config=Dinov2Config(hidden_size=8, num_hidden_layers=1, num_attention_heads=1),
        fusion_hidden_size=8,
        head_hidden_size=4,
        depth_estimation_type=kind,
        max_depth=5 if kind == "metric" else 1,
    )
    head = DepthAnythingDepthEstimationHead(config).eval().requires_grad_(False)

    def forward(states: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
        height, width = pixels.shape[-2:]
        depth: torch.Tensor = head([states] * 4, height // config.patch_size, width // config.patch_size)
        return depth

    def example(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        patch = config.patch_size
        return torch.randn(1, 8, 2 * height, 2 * width), torch.zeros(1, 3, height * patch, width * patch)

    with torch.no_grad(), rewrites.traced(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that tracing is old, and what it traced
        traced = torch.jit.trace(forward, example(3, 4), check_trace=False)
    for size in ((3, 4), (5, 2), (1, 7)):
        given = example(*size)
        with torch.no_grad():
            assert torch.equal(traced(*given), forward(*given))
