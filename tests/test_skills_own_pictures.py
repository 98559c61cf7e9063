"""A head that takes the numbers of pictures alone takes pictures: the checkpoint's image processor makes them ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.evidence.sight import Seeing, shown
from ipfs_accelerate_py.evidence.tiny import saved
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.dispatch import load
from ipfs_accelerate_py.skills.own_pictures import reading, seen_alone
from ipfs_accelerate_skills import hf_superpoint

TASK = "keypoint-detection"
(FIRST,), (SECOND,) = shown(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small random checkpoint with its image processor, made and saved without torchvision."""
    from transformers import SuperPointConfig, SuperPointForKeypointDetection

    config = SuperPointConfig(
        encoder_hidden_sizes=[8, 8, 8, 8], decoder_hidden_size=8, descriptor_decoder_dim=8
    )
    found = tmp_path_factory.mktemp("superpoint")
    images = Seeing("SuperPointImageProcessorPil", edge=64).made(config)
    saved(found, lambda: SuperPointForKeypointDetection(config), [images], gain=4.0)
    return found


@pytest.fixture(scope="module")
def handler(folder: Path) -> Any:
    return load(str(folder), TASK, "cpu")


def answer(handler: Any, item: Any) -> Any:
    return handler(item)["keypoints"]


def test_a_picture_is_answered_as_the_arrays_that_the_image_processor_makes_of_it(
    folder: Path, handler: Any, tmp_path: Path
) -> None:
    from PIL import Image
    from transformers import SuperPointImageProcessorPil

    processor = SuperPointImageProcessorPil.from_pretrained(folder)
    made = processor(images=Image.fromarray(FIRST), return_tensors="np")
    plain = hf_superpoint.SKILL.load(Checkpoint(str(folder)), TASK, "cpu")
    want = answer(plain, {"pixel_values": made["pixel_values"][0]})
    assert want
    path = tmp_path / "picture.png"
    Image.fromarray(FIRST).save(path)
    for item in ({"images": [FIRST]}, {"images": FIRST}, FIRST, str(path)):
        assert answer(handler, item) == want
    assert (
        answer(handler, {"pixel_values": made["pixel_values"][0]}) == want
    )  # and arrays are taken as before
    assert answer(handler, SECOND) != want
    assert "notice" not in handler(FIRST)  # this type's is proved


def test_what_is_no_picture_is_a_clear_error_that_says_which(handler: Any) -> None:
    with pytest.raises(InputError, match=r"input 1: .*text"):
        handler([FIRST, {"images": [FIRST], "text": "a duck"}])
    with pytest.raises(InputError, match=r"input 1: .*no such image file"):
        handler([FIRST, "nowhere.png"])
    with pytest.raises(InputError, match=r"input 1: .*axes"):
        handler([FIRST, {"images": [FIRST, FIRST]}])  # one answer is about one picture


def test_a_checkpoint_that_says_no_image_processor_tells_what_is_missing(
    folder: Path, tmp_path: Path
) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    found = load(str(tmp_path), TASK, "cpu")
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json"):
        found(FIRST)
    assert answer(found, {"pixel_values": np.zeros((3, 64, 64), dtype=np.float32)}) is not None


def test_an_answer_says_where_the_image_processor_is_not_proved(folder: Path) -> None:
    checkpoint = Checkpoint(str(folder))
    plain = hf_superpoint.SKILL.load(checkpoint, TASK, "cpu")
    found = reading(plain, checkpoint, proved=False)(FIRST)
    assert "SuperPointImageProcessor" in found["notice"]


@pytest.mark.parametrize(
    ("names", "alone"),
    [
        ({"pixel_values"}, True),
        ({"pixel_values", "pixel_mask"}, True),
        ({"pixel_mask"}, False),
        ({"pixel_values", "input_ids"}, False),
    ],
)
def test_pictures_alone_are_told_from_pictures_in_a_text(names: set[str], alone: bool) -> None:
    assert seen_alone(names) is alone
