"""Pictures that go into a text, prepared in NumPy and Pillow, beside what transformers makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills import Checkpoint
from ipfs_accelerate_py.skills.patch_grids import PatchPictures, between, places, spread
from ipfs_accelerate_py.skills.tiled_pictures import NEWLINE, TiledPictures, best_grid
from ipfs_accelerate_py.skills.whole_pictures import Tower, WholePictures

# Wide, high, square, thin, and smaller than a tile.
SIZES = ((64, 48), (37, 90), (50, 50), (150, 20), (9, 7))


def drawn(width: int, height: int) -> Image.Image:
    """Return a picture of which no two rows, columns or channels are alike."""
    values = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def checkpoint(folder: Path, processor: Any, **config: Any) -> Checkpoint:
    """Return a checkpoint without weights, with an image processor as transformers saves it."""
    processor.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "any", **config}))
    return Checkpoint(str(folder))


def by_transformers(processor: Any, image: Image.Image) -> dict[str, NDArray[Any]]:
    """Return what transformers makes of one picture."""
    return {name: np.asarray(value) for name, value in processor(image, return_tensors="np").items()}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("do_pad", [False, True])
def test_a_whole_picture_is_what_transformers_makes_of_it(
    size: tuple[int, int], do_pad: bool, tmp_path: Path
) -> None:
    from transformers import LlavaImageProcessorPil

    processor = LlavaImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, do_pad=do_pad
    )
    tower = {"image_size": 32, "patch_size": 8}
    pictures = WholePictures.of(
        checkpoint(tmp_path, processor, vision_config=tower), "vision_config.image_size"
    )
    got = pictures.pictures([drawn(*size)])
    want = by_transformers(processor, drawn(*size))
    np.testing.assert_allclose(got.arrays["pixel_values"], want["pixel_values"], atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_tiles_are_what_transformers_makes_of_a_picture(size: tuple[int, int], tmp_path: Path) -> None:
    from transformers import LlavaNextImageProcessorPil

    grids = [[32, 64], [64, 32], [64, 64], [96, 32], [32, 96]]
    processor = LlavaNextImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, image_grid_pinpoints=grids
    )
    tower = {"image_size": 32, "patch_size": 8}
    got = TiledPictures(checkpoint(tmp_path, processor, vision_config=tower)).tiles(drawn(*size))
    want = by_transformers(processor, drawn(*size))
    np.testing.assert_allclose(got, want["pixel_values"][0], atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_as_many_tokens_stand_for_tiles_as_transformers_counts(size: tuple[int, int], tmp_path: Path) -> None:
    from transformers import LlavaNextImageProcessorPil, LlavaNextProcessor

    grids = [[32, 64], [64, 32], [64, 64], [96, 32], [32, 96]]
    processor = LlavaNextImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, image_grid_pinpoints=grids
    )
    made = checkpoint(tmp_path, processor, vision_config={"image_size": 32, "patch_size": 8})
    settings = {
        "patch_size": 8,
        "num_additional_image_tokens": 1,
        "vision_feature_select_strategy": "default",
    }
    (tmp_path / "processor_config.json").write_text(json.dumps(settings))
    counting = SimpleNamespace(
        image_processor=processor, _get_unpadded_features=None, patch_size=8, num_additional_image_tokens=1
    )
    counting._get_unpadded_features = LlavaNextProcessor._get_unpadded_features.__get__(counting)
    want = LlavaNextProcessor._get_number_of_features(counting, size[1], size[0], 32, 32) - 1
    order = TiledPictures(made).order(size[1], size[0])
    assert order.size == want
    read = order[order != NEWLINE]
    assert len(set(read.tolist())) == read.size


@pytest.mark.parametrize("size", SIZES)
def test_the_grid_of_tiles_is_the_one_that_transformers_chooses(size: tuple[int, int]) -> None:
    from transformers.image_processing_utils import select_best_resolution

    grids = [(336, 672), (672, 336), (672, 672), (1008, 336), (336, 1008)]
    assert best_grid(size[1], size[0], grids) == select_best_resolution((size[1], size[0]), grids)


@pytest.mark.parametrize("size", [*SIZES, (200, 300)])
@pytest.mark.parametrize(
    "bounds", [{"shortest_edge": 1, "longest_edge": 2304}, {"shortest_edge": 9216, "longest_edge": 30000}]
)
def test_patches_are_what_transformers_makes_of_a_picture(
    size: tuple[int, int], bounds: dict[str, int], tmp_path: Path
) -> None:
    from transformers import Qwen2VLImageProcessorPil

    processor = Qwen2VLImageProcessorPil(patch_size=8, size=bounds)
    got = PatchPictures(checkpoint(tmp_path, processor)).pictures([drawn(*size)])
    want = by_transformers(processor, drawn(*size))
    np.testing.assert_array_equal(got.arrays["image_grid_thw"], want["image_grid_thw"])
    np.testing.assert_allclose(got.arrays["pixel_values"], want["pixel_values"], atol=1e-5)
    assert got.tokens == (int(want["image_grid_thw"].prod()) // 4,)


def test_bounds_are_read_as_older_files_write_them(tmp_path: Path) -> None:
    settings = {
        "min_pixels": 1,
        "max_pixels": 2304,
        "patch_size": 8,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    (tmp_path / "config.json").write_text('{"model_type": "any"}')
    made = PatchPictures(Checkpoint(str(tmp_path))).pictures([drawn(200, 300)])
    assert made.arrays["image_grid_thw"].tolist() == [[1, 6, 4]]


def test_a_thread_of_a_picture_is_refused(tmp_path: Path) -> None:
    from transformers import Qwen2VLImageProcessorPil

    pictures = PatchPictures(checkpoint(tmp_path, Qwen2VLImageProcessorPil(patch_size=8)))
    with pytest.raises(InputError, match=r"^input 3: a picture of 402x2 "):
        pictures.pictures([drawn(402, 2)], 3)


GRIDS = ((1, 4, 6), (1, 2, 2), (1, 8, 4))


def test_patches_stand_where_transformers_places_them() -> None:
    import torch
    from transformers.vision_utils import (
        get_vision_interpolation_indices_and_weights,
        get_vision_position_ids,
    )

    grids = torch.tensor(GRIDS)
    want = get_vision_position_ids(grids, 2)
    got = np.concatenate([places(height, width, 2) for _, height, width in GRIDS])
    np.testing.assert_array_equal(got, want.numpy())
    points, shares = get_vision_interpolation_indices_and_weights(
        grids, 8, align_corners=True, spatial_merge_size=2
    )
    found = [between(height, width, 8, 2) for _, height, width in GRIDS]
    np.testing.assert_array_equal(np.concatenate([each for each, _ in found]), points.numpy())
    np.testing.assert_allclose(np.concatenate([each for _, each in found]), shares.numpy(), atol=1e-6)


def test_tokens_stand_where_transformers_places_them() -> None:
    import torch
    from transformers import Qwen2VLModel

    here = np.array([0, 0, *[1] * 6, 0, *[1] * 1, 0, *[1] * 8, 0, 0])
    model = SimpleNamespace(config=SimpleNamespace(vision_config=SimpleNamespace(spatial_merge_size=2)))
    model.get_vision_position_ids = Qwen2VLModel.get_vision_position_ids.__get__(model)
    kinds = torch.from_numpy(here)[None]
    want, _ = Qwen2VLModel.get_rope_index(model, kinds, kinds, torch.tensor(GRIDS))
    np.testing.assert_array_equal(spread(here, np.asarray(GRIDS), 2), want[:, 0].numpy().T)


def test_a_checkpoint_that_does_not_say_how_large_a_patch_is_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "any"}')
    with pytest.raises(CheckpointError, match="patch_size"):
        Tower(Checkpoint(str(tmp_path))).vectors(32, 32)
