"""Pixel values are those of transformers' Pillow image processor, whatever the picture and the settings."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny_checkpoints import weightless

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.image import ImageInput, patch_mask

SIDES = st.integers(1, 70)
TOLERANCE = 1e-5  # float32; transformers rescales in float64, which moves the last digit
VARIANTS = {
    "as it comes": {},
    "nearest": {"resample": 0},
    "bicubic": {"resample": 3},
    "not normalised": {"do_normalize": False},
    "not rescaled": {"do_rescale": False},
    "neither": {"do_rescale": False, "do_normalize": False},
    "another factor": {"rescale_factor": 1 / 127.5},
    "mean and deviation": {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]},
    "oblong": {"size": {"height": 9, "width": 21}},
    "short edge": {"size": {"shortest_edge": 13}},
    "short edge and crop": {
        "size": {"shortest_edge": 13},
        "do_center_crop": True,
        "crop_size": {"height": 11, "width": 12},
    },
    "crop larger than the picture": {
        "size": {"shortest_edge": 7},
        "do_center_crop": True,
        "crop_size": {"height": 11, "width": 16},
    },
    "not resized": {"do_resize": False},
}


def image_input(folder, config=None, **settings_):
    """Return the image processor of a checkpoint whose preprocessor_config.json holds `settings_`."""
    weightless(folder, **(config or {}))
    (folder / "preprocessor_config.json").write_text(json.dumps(settings_))
    return ImageInput(Checkpoint(str(folder)), "image_size")


@pytest.fixture(scope="module", params=VARIANTS)
def both(request, tmp_path_factory):
    """Our image processor and transformers', of one preprocessor_config.json."""
    from transformers import ViTImageProcessorPil

    theirs = ViTImageProcessorPil(**{"size": {"height": 16, "width": 16}, **VARIANTS[request.param]})
    folder = weightless(tmp_path_factory.mktemp("images"))
    theirs.save_pretrained(folder)
    return ImageInput(Checkpoint(str(folder)), "image_size"), theirs


@settings(max_examples=40, deadline=None)
@given(width=SIDES, height=SIDES, seed=st.integers(0, 2**16))
def test_pixels_are_those_of_transformers_for_every_size(width, height, seed, both):
    ours, theirs = both
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    want = theirs(Image.fromarray(values), return_tensors="np")["pixel_values"][0]
    scale = max(1.0, float(np.abs(want).max()))
    for item in (
        values,
        Image.fromarray(values),
        values.transpose(2, 0, 1) if width not in (1, 3, 4) else values,
    ):
        got = ours.pixels(item)
        assert got.dtype == np.float32
        assert got.flags.c_contiguous
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, atol=TOLERANCE * scale)


@settings(max_examples=40, deadline=None)
@given(width=SIDES, height=SIDES, channels=st.sampled_from([None, 1, 3, 4]), seed=st.integers(0, 2**16))
def test_an_array_of_fractions_is_the_picture_of_its_nearest_bytes(width, height, channels, seed, both):
    ours, _ = both
    shape = (height, width) if channels is None else (height, width, channels)
    values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    for kind in (np.float32, np.float64):
        np.testing.assert_array_equal(ours.pixels(values.astype(kind) / 255), ours.pixels(values))


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F"]
)
def test_every_mode_of_pillow_is_read_as_its_rgb(mode, both):
    ours, theirs = both
    picture = Image.fromarray(np.random.default_rng(7).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    for step in {"PA": ("P", "PA"), "HSV": ("HSV",)}.get(mode, (mode,)):
        picture = picture.convert(step)
    want = theirs(picture.convert("RGB"), return_tensors="np")["pixel_values"][0]
    scale = max(1.0, float(np.abs(want).max()))
    np.testing.assert_allclose(ours.pixels(picture), want, atol=TOLERANCE * scale)


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_sixteen_bits_of_grey_keep_their_upper_eight(mode, tmp_path):
    ours = image_input(tmp_path, do_resize=False, do_normalize=False, do_rescale=False)
    grey = np.random.default_rng(7).integers(0, 2**16, (20, 30)).astype(">u2" if mode == "I;16B" else "<u2")
    picture = Image.frombytes(mode, (30, 20), grey.tobytes())
    np.testing.assert_array_equal(ours.pixels(picture), np.broadcast_to(grey >> 8, (3, 20, 30)))


@pytest.mark.parametrize(
    ("written", "fact"),
    [
        ({"size": None}, "size is None"),
        ({"size": 0}, "size is 0"),
        ({"size": {"height": -3, "width": 3}}, "size is"),
        ({"size": {"height": "9", "width": 9}}, "size is"),
        ({"size": {"height": 10**9, "width": 9}}, "size is .*from 1 to 65535"),
        ({"size": {"longest_edge": 9}}, "size is .*known are height with width, shortest_edge"),
        ({"size": {"height": True, "width": 9}}, "size is"),
        ({}, "'size' is missing"),
        ({"size": 9, "do_center_crop": True}, "'crop_size' is missing"),
        (
            {"size": 9, "do_center_crop": True, "crop_size": {"shortest_edge": 4}},
            "crop_size is .*a height and a width",
        ),
        ({"size": 9, "image_mean": None, "image_std": 1}, "image_mean"),
        ({"size": 9, "image_std": [1, 1, 1]}, "'image_mean' is missing"),
        (
            {"size": 9, "image_mean": [0, 0], "image_std": 1},
            "image_mean is .*one each for red, green and blue",
        ),
        ({"size": 9, "image_mean": 0, "image_std": [1, 0, 1]}, "image_std is .*no channel may have 0"),
        ({"size": 9, "image_mean": "half", "image_std": 1}, "half"),
        ({"size": 9, "do_normalize": False, "rescale_factor": "1/255"}, "rescale_factor is '1/255'"),
        ({"size": 9, "do_normalize": False, "resample": 9}, "resample is 9"),
        ({"size": 9, "do_normalize": False, "resample": "nearest"}, "resample is 'nearest'"),
        (
            {"size": 9, "do_normalize": False, "do_pad": True, "pad_size": {"shortest_edge": 4}},
            "pad_size is .*a height and a width",
        ),
        ({"image_processor_type": "Qwen2VLImageProcessor"}, "Qwen2VLImageProcessor has steps of its own"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(written, fact, tmp_path):
    ours = image_input(tmp_path, **written)
    with pytest.raises(CheckpointError, match=rf"preprocessor_config\.json: .*{fact}"):
        ours.pixels(np.zeros((4, 4), dtype=np.uint8))


def test_a_checkpoint_without_settings_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json is missing"):
        ImageInput(Checkpoint(str(weightless(tmp_path))), "image_size").pixels(
            np.zeros((4, 4), dtype=np.uint8)
        )


def test_a_size_that_is_one_number_is_a_square_as_in_older_files(tmp_path):
    ours = image_input(tmp_path, size=6, do_normalize=False)
    assert ours.pixels(np.zeros((9, 4), dtype=np.uint8)).shape == (3, 6, 6)


def test_a_long_thin_picture_is_not_blown_up_without_bounds(tmp_path):
    ours = image_input(tmp_path, size={"shortest_edge": 2000}, do_normalize=False)
    with pytest.raises(InputError, match="would be enlarged to 40000000x2000"):
        ours.pixels(np.zeros((1, 20_000), dtype=np.uint8))


def test_ready_pixel_values_are_passed_on_unchanged(tmp_path):
    ours = image_input(tmp_path, {"image_size": 5, "num_channels": 3}, size=5, do_normalize=False)
    values = np.random.default_rng(7).normal(size=(3, 5, 5)).astype(np.float32)
    for form in (values, values[np.newaxis], values.tolist(), values.astype(np.float64)):
        (row,) = ours.rows([{"pixel_values": form, "image_size": (5, 5)}])
        np.testing.assert_array_equal(row, values)
        assert row.dtype == np.float32


@pytest.mark.parametrize(
    ("values", "fact"),
    [
        (np.zeros((3, 5, 4)), r"pixel_values are 3x5x4 \(channels, height, width\); the model takes 3x5x5"),
        (np.zeros((1, 5, 5)), "pixel_values are 1x5x5"),
        (np.zeros((2, 3, 5, 5)), r"shape \(2, 3, 5, 5\).*several as a list"),
        (np.zeros((5, 5)), r"shape \(5, 5\)"),
        (7, r"shape \(\)"),
        (np.full((3, 5, 5), np.nan), "not finite"),
        (np.full((3, 5, 5), 1e300), "not finite"),
        ([[1, 2], [3]], "no array of numbers"),
        ("picture.png", "no array of numbers"),
        (None, "shape|no array|not finite"),
    ],
)
def test_pixel_values_that_the_model_cannot_take_are_refused_with_their_place(values, fact, tmp_path):
    ours = image_input(tmp_path, {"image_size": 5, "num_channels": 3}, size=5, do_normalize=False)
    with pytest.raises(InputError, match=f"input 1: .*{fact}"):
        ours.rows([np.zeros((4, 4), dtype=np.uint8), {"pixel_values": values}])


def test_a_processor_that_makes_another_size_than_the_model_takes_is_found_out(tmp_path):
    ours = image_input(tmp_path, {"image_size": [5, 6], "num_channels": 3}, size=5, do_normalize=False)
    with pytest.raises(
        InputError, match=r"preprocessor_config\.json makes images of 3x5x5 .* the model takes 3x5x6"
    ):
        ours.rows([np.zeros((4, 4), dtype=np.uint8)])


@pytest.fixture(scope="module")
def patched(tmp_path_factory):
    return Checkpoint(str(weightless(tmp_path_factory.mktemp("patches"), image_size=32, patch_size=8)))


@given(patches=st.lists(st.integers(0, 15), max_size=8))
def test_a_mask_of_patches_marks_those_that_are_named(patches, patched):
    assert patch_mask(patched, patches).tolist() == [int(place in patches) for place in range(16)]


@pytest.mark.parametrize("patches", [[16], [-1], "all", 3, [1.5], [[1]], None, ["a"]])
def test_patches_that_are_not_in_the_picture_are_refused(patches, patched):
    with pytest.raises(InputError, match="masked_patches"):
        patch_mask(patched, patches)
