"""What vision tasks share: segments, boxes, candidate labels, videos, and batches of images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from tiny_checkpoints import weightless

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.evidence.merges import merges
from ipfs_accelerate_py.skills.batching import batches
from ipfs_accelerate_py.skills.boxes import detected
from ipfs_accelerate_py.skills.candidates import Memory, candidates
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.image import ImageInput
from ipfs_accelerate_py.skills.segments import packed, resized, unpacked
from ipfs_accelerate_py.skills.video import VideoInput

PLAIN = '{"do_resize": false, "do_normalize": false}'
SIDE = st.integers(1, 9)


@given(arrays(np.bool_, st.tuples(SIDE, SIDE)))
def test_a_mask_is_what_it_was_after_packing(mask):
    made = packed(mask)
    assert sum(made["counts"]) == mask.size
    np.testing.assert_array_equal(unpacked(made), mask)


@settings(deadline=None)  # the first example imports torch
@given(arrays(np.float32, st.tuples(SIDE, SIDE, SIDE), elements=st.floats(-9, 9, width=32)), SIDE, SIDE)
def test_maps_are_resized_as_torch_does(maps, height, width):
    import torch

    want = torch.nn.functional.interpolate(
        torch.from_numpy(maps)[None], size=(height, width), mode="bilinear", align_corners=False
    )[0].numpy()
    np.testing.assert_allclose(resized(maps, (height, width)), want, atol=1e-5)


def test_without_a_label_for_nothing_every_pair_of_query_and_label_is_judged():
    logits = np.array([[3.0, -1.0], [2.0, 4.0]], np.float32)
    boxes = np.array([[0.5, 0.5, 1.0, 1.0], [0.25, 0.25, 0.5, 0.5]], np.float32)
    found = detected(logits, boxes, ("cat", "dog"), (20, 40), 0.5)
    assert [each["label"] for each in found] == ["dog", "cat", "cat"]
    assert found[0]["box"] == {"xmin": 0, "ymin": 0, "xmax": 20, "ymax": 10}


def test_images_of_unequal_size_are_not_batched_and_texts_are():
    rows = [{"pixels": np.zeros((3, size, 4))} for size in (5, 7, 5)]
    rows += [{"ids": np.zeros(length)} for length in (2, 6)]
    planned = {tuple(places) for places, _ in batches(rows, {"pixels": 0, "ids": 0})}
    assert planned == {(0, 2), (1,), (4, 3)}


def test_vectors_of_labels_are_kept_for_the_next_call():
    memory, asked = Memory(), candidates("a cat, a dog", "{}!")
    assert asked.labels == ("a cat", "a dog")
    first = memory.recall(asked.texts)
    assert first.values is None
    memory.learn(first, [np.ones(2), np.zeros(2)])
    np.testing.assert_array_equal(memory.recall(("a cat!", "a dog!")).values, [[1, 1], [0, 0]])
    assert memory.recall(("a cat!",)).values is None


@pytest.fixture
def video(tmp_path):
    """Return a processor of four frames that leaves pixels as they are, but for their scale."""
    weightless(tmp_path, vision_config={"num_frames": 4})
    (tmp_path / "preprocessor_config.json").write_text(PLAIN)
    return VideoInput(Checkpoint(str(tmp_path)), "", "vision_config.num_frames")


def test_of_many_frames_the_first_the_last_and_those_between_count(video):
    frames = np.stack([np.full((2, 2, 3), shade, np.uint8) for shade in range(10)])
    [row] = video.rows([frames])
    assert row.shape == (4, 3, 2, 2)
    np.testing.assert_allclose(row[:, 0, 0, 0] * 255, [0, 3, 6, 9], atol=1e-4)


@pytest.mark.parametrize(
    ("item", "fact"),
    [
        ({"frames": []}, "has 0 frames"),
        ({"frames": [np.zeros((2, 2, 3), np.uint8)] * 3}, "has 3 frames; the model takes 4"),
        ({"frames": [np.zeros((2, 2, 3), np.uint8)] * 3 + ["no.png"]}, "frame 3 .*no such image file"),
        ({"frames": [np.zeros((size, 2, 3), np.uint8) for size in (2, 2, 2, 3)]}, "do not fit together"),
        (np.full((4, 2, 2, 3), np.nan), "frame 0 .*not finite"),
        (Image.new("RGB", (3, 3)), "is a Image; this task takes a video"),
        ({"pixel_values": 7}, "no frames"),
    ],
)
def test_what_is_no_video_is_refused_with_its_place(item, fact, video):
    with pytest.raises(InputError, match=rf"^input 1: .*{fact}"):
        video.rows([np.zeros((4, 2, 2, 3), np.uint8), item])


@pytest.mark.parametrize("mask", [[[1]], np.full((2, 2), 2), np.zeros((2, 2)), "ones", [[1, 0], [1]]])
def test_a_mask_that_is_none_is_refused(mask, tmp_path):
    weightless(tmp_path)
    image = ImageInput(Checkpoint(str(tmp_path)), "")
    with pytest.raises(InputError, match=r"^input 0: pixel_mask"):
        image.images([{"pixel_values": np.zeros((3, 2, 2)), "pixel_mask": mask}])


def test_merges_are_the_most_frequent_pairs_and_of_equals_the_first():
    assert merges(["abc", "abd"], 1) == [("a", "b")]
    assert merges(["ab"], 1, "~") == [("a", "b~")]
    assert merges(["xy", "ab"], 3) == [("a", "b"), ("x", "y")]
