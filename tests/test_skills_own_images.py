"""Image processors with steps of their own make of an image what the real classes make of it."""

import numpy as np
import pytest
from PIL import Image
from tiny_checkpoints import weightless

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.own_classes import STEPS
from ipfs_accelerate_py.skills.own_images import OwnImages

TOLERANCE = 1e-5
VARIANTS = {
    "DPT": {},
    "DPT, whole patches": {
        "size": {"height": 70, "width": 70},
        "keep_aspect_ratio": True,
        "ensure_multiple_of": 14,
    },
    "DPT, filled up": {"size": {"height": 50, "width": 70}, "do_pad": True, "size_divisor": 32},
    "Donut": {"size": {"height": 80, "width": 60}},
    "Donut, turned": {"size": {"height": 80, "width": 50}, "do_align_long_axis": True},
    "EfficientNet": {"size": {"height": 40, "width": 36}},
    "EfficientNet, from minus one": {
        "size": {"height": 40, "width": 36},
        "rescale_offset": True,
        "rescale_factor": 1 / 127.5,
        "include_top": False,
        "do_center_crop": True,
        "crop_size": {"height": 33, "width": 51},
    },
    "GLPN": {},
    "GLPN, sixteen": {"size_divisor": 16},
    "Levit": {"size": {"shortest_edge": 40}, "crop_size": {"height": 40, "width": 40}},
    "Levit, exact": {"size": {"height": 50, "width": 44}, "crop_size": {"height": 40, "width": 40}},
    "Mask2Former": {"size": {"shortest_edge": 70, "longest_edge": 120}},
    "MaskFormer": {"size": {"shortest_edge": 70, "longest_edge": 120}},
    "MaskFormer, within": {"size": {"max_height": 50, "max_width": 70}, "size_divisor": 0},
    "MobileViT": {"size": {"shortest_edge": 40}, "crop_size": {"height": 41, "width": 41}},
    "MobileViT, red first": {"size": {"height": 20, "width": 30}, "do_flip_channel_order": False},
    "Perceiver": {"size": {"height": 40, "width": 40}, "crop_size": {"height": 50, "width": 46}},
    "SuperPoint": {"size": {"height": 40, "width": 60}},
    "SuperPoint, grey": {"size": {"height": 40, "width": 60}, "do_grayscale": True},
    "Swin2SR": {},
    "Swin2SR, as it is": {"do_pad": False},
    "TextNet": {"size": {"shortest_edge": 70}},
    "Vilt": {"size": {"shortest_edge": 140}},
    "Vilt, by eight": {"size": {"shortest_edge": 64}, "size_divisor": 8},
    "Yolos": {"size": {"shortest_edge": 70, "longest_edge": 120}},
    "Yolos, within": {"size": {"max_height": 50, "max_width": 70}},
    "Yolos, exact": {"size": {"height": 64, "width": 50}},
}
# Wide, high, square, long and thin.
SIZES = [(48, 64), (97, 33), (70, 70), (40, 151)]


def pictures():
    """Return pictures of noise."""
    chance = np.random.default_rng(5)
    return [Image.fromarray(chance.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in SIZES]


def real(name, **settings):
    """Return transformers' own image processor of that name."""
    import transformers

    return getattr(transformers, f"{name}ImageProcessorPil")(**settings)


@pytest.mark.parametrize("variant", VARIANTS)
def test_pixels_are_those_of_the_real_class(variant, tmp_path):
    theirs = real(variant.partition(",")[0], **VARIANTS[variant])
    weightless(tmp_path)
    theirs.save_pretrained(tmp_path)
    ours = OwnImages(Checkpoint(str(tmp_path)), "")
    for picture in pictures():
        want = theirs(picture, return_tensors="np")["pixel_values"][0]
        got = ours.images([picture])[0]
        np.testing.assert_allclose(got.values, want, atol=TOLERANCE)
        assert got.values.dtype == np.float32
        assert got.mask.all()
        assert got.size == (picture.height, picture.width)


@pytest.mark.parametrize("name", STEPS)
def test_a_file_that_names_only_the_class_means_its_defaults(name, tmp_path):
    weightless(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(f'{{"image_processor_type": "{name}ImageProcessor"}}')
    ours = OwnImages(Checkpoint(str(tmp_path)), "")
    want = real(name)(pictures()[0], return_tensors="np")["pixel_values"][0]
    np.testing.assert_allclose(ours.images(pictures()[:1])[0].values, want, atol=TOLERANCE)


def test_another_class_is_done_as_usual(tmp_path):
    from transformers import ViTImageProcessorPil

    weightless(tmp_path)
    theirs = ViTImageProcessorPil(size={"height": 24, "width": 20})
    theirs.save_pretrained(tmp_path)
    got = OwnImages(Checkpoint(str(tmp_path)), "").images(pictures()[:1])[0].values
    want = theirs(pictures()[0], return_tensors="np")["pixel_values"][0]
    np.testing.assert_allclose(got, want, atol=TOLERANCE)


def test_an_image_that_would_vanish_is_refused_by_its_index(tmp_path):
    weightless(tmp_path)
    real("GLPN").save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"input 1: .*larger"):
        OwnImages(Checkpoint(str(tmp_path)), "").images([pictures()[0], pictures()[0].crop((0, 0, 9, 9))])


def test_a_file_that_makes_no_sense_is_named(tmp_path):
    weightless(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        '{"image_processor_type": "TextNetImageProcessor", "size": {"height": 3}}'
    )
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json"):
        OwnImages(Checkpoint(str(tmp_path)), "").images(pictures()[:1])
