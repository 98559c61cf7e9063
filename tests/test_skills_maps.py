"""Maps over an image come to its size as PyTorch brings them there, and pictures survive being packed."""

import numpy as np
import pytest

from ipfs_accelerate_py.skills.maps import png, shades, smoothed, unpacked_png


@pytest.mark.parametrize("size", [(7, 5), (20, 33), (3, 4), (1, 1)])
def test_a_map_at_another_size_is_what_pytorch_calls_bicubic(size):
    import torch

    maps = np.random.default_rng(3).normal(size=(2, 7, 5)).astype(np.float32)
    want = torch.nn.functional.interpolate(
        torch.from_numpy(maps)[None], size, mode="bicubic", align_corners=False
    )
    np.testing.assert_allclose(smoothed(maps, size), want[0].numpy(), atol=1e-5)


def test_shades_go_from_black_to_white_and_a_flat_map_is_black():
    assert shades(np.array([[2.0, 3.0], [4.0, 3.0]])).tolist() == [[0, 127], [255, 127]]
    assert not shades(np.full((2, 2), 7.0)).any()


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_a_packed_picture_is_unpacked_as_it_was(shape):
    picture = np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(unpacked_png(png(picture)), picture)
