"""Points that are found and matched for all pictures at once are those of transformers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    LightGlueConfig,
    LightGlueForKeypointMatching,
    SuperPointConfig,
    SuperPointForKeypointDetection,
)

from ipfs_accelerate_py.skills.keypoints import as_points
from ipfs_accelerate_py.skills.pruned_points import by_layers

_SIZES = {"encoder_hidden_sizes": [4] * 4, "decoder_hidden_size": 4, "descriptor_decoder_dim": 16}


@pytest.mark.parametrize("most", [-1, 0, 3, 60])
@torch.no_grad()
def test_points_of_pictures_are_those_of_transformers(most: int) -> None:
    torch.manual_seed(0)
    settings = {"keypoint_threshold": 0.0158, "max_keypoints": most, "border_removal_distance": 2}
    model = SuperPointForKeypointDetection(SuperPointConfig(**_SIZES, **settings)).eval()
    for weight in model.parameters():
        weight.normal_(std=0.3)
    pictures = torch.rand(3, 3, 24, 32)
    pictures[1] *= 0.1
    want = model(pictures)
    with as_points():
        got = model(pictures)
    assert most == 0 or len({*want.mask.sum(1).tolist()}) > 1 or want.mask.shape[1] == most
    assert want.keys() == got.keys()
    for name, right in want.items():
        assert got[name].dtype == right.dtype
        torch.testing.assert_close(got[name], right)


@torch.no_grad()
def _matches(seed: int) -> tuple[Any, Any]:
    """Return what transformers makes of points of four pairs of pictures, and what is made layer by layer."""
    torch.manual_seed(seed)
    model = LightGlueForKeypointMatching(
        LightGlueConfig(
            keypoint_detector_config=SuperPointConfig(**_SIZES),
            descriptor_dim=16,
            num_hidden_layers=4,
            num_attention_heads=2,
            depth_confidence=0.5,
            width_confidence=0.6,
            filter_threshold=0.01,
        )
    ).eval()
    for name, weight in model.named_parameters():
        weight.normal_(std=0.5)
        if "token.bias" in name:
            weight.add_(2)
    model.set_attn_implementation("eager")
    points, vectors = torch.rand(4, 2, 9, 2) * 20, torch.randn(4, 2, 9, 16)
    mask = (torch.arange(9) < torch.randint(3, 10, (4, 2, 1))).int()
    given = (points, vectors * mask.unsqueeze(-1), 20, 20)
    want = model._match_image_pair(*given, mask=mask)[:3]
    with by_layers():
        got = model._match_image_pair(*given, mask=mask)[:3]
    return want, got


def test_matches_are_those_of_transformers() -> None:
    done = set()
    for seed in range(30):
        try:
            want, got = _matches(seed)
        except IndexError:  # transformers itself, where no point of a picture is left
            continue
        for found, right in zip(got, want, strict=True):
            assert found.dtype == right.dtype
            torch.testing.assert_close(found, right)
        if bool((want[0] >= 0).any()):
            done.add(tuple(want[2].amax((1, 2)).tolist()))
    # Pairs were done after different layers, in more than one order.
    assert len(done) > 5
    assert any(list(each) != sorted(each) for each in done)
