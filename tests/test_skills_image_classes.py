"""Images become what transformers' own image processors make of them, for each class that is not refused by name."""

import importlib
import inspect
import json
import pkgutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_checkpoints import weightless

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.batching import collate
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.image import ImageInput
from ipfs_accelerate_py.skills.image_classes import DEFAULTS, OWN_STEPS
from ipfs_accelerate_py.skills.preprocessing import preprocessing, stem

TOLERANCE = 1e-5  # of float32; transformers computes in float64
SIZES = [(30, 40), (61, 33), (120, 97)]
SMALL = {
    "ViTImageProcessorPil": {"size": {"height": 24, "width": 20}},
    "ConvNextImageProcessorPil": {"size": {"shortest_edge": 32}},
    "ConvNextImageProcessorPil, another share": {"size": {"shortest_edge": 32}, "crop_pct": 0.95},
    "ConvNextImageProcessorPil, warped": {"size": {"shortest_edge": 384}},
    "CLIPImageProcessorPil": {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
    "CLIPImageProcessorPil, crop larger": {
        "size": {"shortest_edge": 9},
        "crop_size": {"height": 14, "width": 13},
    },
    "DetrImageProcessorPil": {"size": {"shortest_edge": 64, "longest_edge": 100}},
    "DetrImageProcessorPil, long": {"size": {"shortest_edge": 64, "longest_edge": 70}},
    "DetrImageProcessorPil, within": {"size": {"max_height": 50, "max_width": 70}},
    "DetrImageProcessorPil, filled up": {
        "size": {"shortest_edge": 30, "longest_edge": 40},
        "pad_size": {"height": 48, "width": 44},
    },
}


def classes():
    """Return transformers' image processors that work with Pillow, by name."""
    import transformers
    from transformers.image_processing_backends import PilBackend

    found = {}
    for folder in pkgutil.iter_modules([str(Path(transformers.__file__).parent / "models")]):
        home = Path(transformers.__file__).parent / "models" / folder.name
        for file in sorted(home.glob("image_processing_pil_*.py")):
            module = importlib.import_module(f"transformers.models.{folder.name}.{file.stem}")
            for name, each in vars(module).items():
                if (
                    inspect.isclass(each)
                    and issubclass(each, PilBackend)
                    and each.__module__ == module.__name__
                ):
                    found[name] = each
    return found


def pictures():
    """Return pictures of noise, high and wide."""
    chance = np.random.default_rng(11)
    return [Image.fromarray(chance.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in SIZES]


def ours_and_theirs(folder, processor):
    """Return our image processor, of the file that `processor` writes, and `processor`."""
    weightless(folder)
    processor.save_pretrained(folder)
    return ImageInput(Checkpoint(str(folder)), ""), processor


@pytest.mark.parametrize("variant", SMALL)
def test_pixels_and_masks_are_those_of_the_real_class(variant, tmp_path):
    import transformers

    made = getattr(transformers, variant.partition(",")[0])(**SMALL[variant])
    ours, theirs = ours_and_theirs(tmp_path, made)
    for picture in pictures():
        want = theirs(picture, return_tensors="np")
        got = ours.images([picture])[0]
        assert got.size == (picture.height, picture.width)
        np.testing.assert_allclose(got.values, want["pixel_values"][0], atol=TOLERANCE)
        if "pixel_mask" in want:
            np.testing.assert_array_equal(got.mask, want["pixel_mask"][0])


def test_a_batch_of_unequal_images_is_filled_up_as_the_real_class_does(tmp_path):
    from transformers import DetrImageProcessorPil

    ours, theirs = ours_and_theirs(
        tmp_path, DetrImageProcessorPil(size={"shortest_edge": 30, "longest_edge": 50})
    )
    want = theirs(pictures(), return_tensors="np")
    rows = [made.masked for made in ours.images(pictures())]
    got = collate(rows, {"pixel_values": 0, "pixel_mask": 0})
    np.testing.assert_allclose(got["pixel_values"], want["pixel_values"], atol=TOLERANCE)
    np.testing.assert_array_equal(got["pixel_mask"], want["pixel_mask"])


def test_every_image_processor_of_transformers_is_known_by_its_defaults_or_refused():
    known = {stem(name) for name in classes()}
    known.add("TimmWrapper")  # which is timm's own, and has no form of Pillow
    assert known == DEFAULTS.keys() | OWN_STEPS.keys()
    assert not DEFAULTS.keys() & OWN_STEPS.keys()


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_a_file_that_names_only_the_class_means_its_defaults(name, tmp_path):
    made = classes()[f"{name}ImageProcessorPil"]
    ours, theirs = ours_and_theirs(tmp_path, made())
    whole = preprocessing(ours.checkpoint)
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"feature_extractor_type": f"{name}FeatureExtractor"})
    )
    silent = preprocessing(Checkpoint(str(tmp_path)))
    assert (silent.resize, silent.crop, silent.factor) == (whole.resize, whole.crop, whole.factor)
    assert silent.resample == whole.resample
    np.testing.assert_array_equal(silent.normal, whole.normal)
    picture = pictures()[0]
    want = np.asarray(theirs(picture, return_tensors="np")["pixel_values"])
    np.testing.assert_allclose(ours.pixels(picture), want.reshape(want.shape[-3:]), atol=TOLERANCE)


@pytest.mark.parametrize(
    ("written", "like"),
    [
        # As OpenAI's CLIP and Facebook's DETR were published.
        (
            {"feature_extractor_type": "CLIPFeatureExtractor", "size": 24, "crop_size": 24},
            {"size": {"shortest_edge": 24}, "crop_size": {"height": 24, "width": 24}},
        ),
        (
            {"feature_extractor_type": "DetrFeatureExtractor", "size": 40, "max_size": 66},
            {"size": {"shortest_edge": 40, "longest_edge": 66}},
        ),
    ],
)
def test_older_files_with_one_number_as_size_mean_what_their_class_means(written, like, tmp_path):
    import transformers

    name = stem(written["feature_extractor_type"])
    theirs = getattr(transformers, f"{name}ImageProcessorPil")(**like)
    weightless(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(written))
    ours = ImageInput(Checkpoint(str(tmp_path)), "")
    for picture in pictures():
        want = theirs(picture, return_tensors="np")["pixel_values"][0]
        np.testing.assert_allclose(ours.pixels(picture), want, atol=TOLERANCE)


def test_settings_inside_the_file_of_a_whole_processor_are_found(tmp_path):
    weightless(tmp_path)
    settings = {"image_processor_type": "ViTImageProcessor", "size": {"height": 7, "width": 9}}
    (tmp_path / "processor_config.json").write_text(json.dumps({"image_processor": settings}))
    assert ImageInput(Checkpoint(str(tmp_path)), "").pixels(pictures()[0]).shape == (3, 7, 9)


def test_a_class_with_steps_of_its_own_is_refused_by_name(tmp_path):
    weightless(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text('{"image_processor_type": "Owlv2ImageProcessorFast"}')
    with pytest.raises(CheckpointError, match=r"Owlv2ImageProcessorFast has steps of its own"):
        preprocessing(Checkpoint(str(tmp_path)))
