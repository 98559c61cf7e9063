"""What the survey finds in models of two towers, of videos, and with a backbone."""

import pytest

from ipfs_accelerate_generator.survey.stages import all_stages
from ipfs_accelerate_generator.survey.subject import candidates, subject


@pytest.mark.parametrize(
    ("model_type", "found"),
    [
        (
            "clip",
            {
                "image-classification": "",
                "zero-shot-image-classification": "",
                "feature-extraction": "get_text_features",
                "image-feature-extraction": "get_image_features",
            },
        ),
        ("xclip", {"zero-shot-video-classification": "", "feature-extraction": "get_text_features"}),
    ],
)
def test_what_towers_do_together_comes_before_what_each_does(model_type, found):
    assert [(each.task, each.method) for each in candidates(subject(model_type))] == list(found.items())


def test_a_backbone_is_told_to_give_the_maps_of_all_its_stages():
    from transformers import DetrConfig

    backbone = {"model_type": "resnet", "depths": [1, 1], "hidden_sizes": [8, 16], "out_features": ["stage2"]}
    made = all_stages(DetrConfig, {"backbone_config": backbone})
    assert made == {"backbone_config": {**backbone, "out_features": ["stage1", "stage2"]}}
    assert all_stages(DetrConfig, made) == {}
    assert all_stages(subject("vit").config, {}) == {}
