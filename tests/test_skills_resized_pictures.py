"""What is resized with antialiasing is as PyTorch resizes it, at whatever size a graph is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipfs_accelerate_py.skills.resized_pictures import by_matrices
from ipfs_accelerate_py.skills.routes import Traced, converted, write_onnx

# Of a picture one place wide PyTorch 2.13 takes the first row for all others.
SIDES = st.tuples(st.integers(2, 20), st.integers(2, 20))


@given(old=SIDES, new=SIDES, mode=st.sampled_from(["bilinear", "bicubic"]), antialias=st.booleans())
def test_a_picture_is_resized_as_pytorch_resizes_it(
    old: tuple[int, int], new: tuple[int, int], mode: str, antialias: bool
) -> None:
    picture = torch.randn(2, 3, *old)
    settings: Any = {"size": new, "mode": mode, "antialias": antialias, "align_corners": False}
    want = torch.nn.functional.interpolate(picture, **settings)
    with by_matrices():
        got = torch.nn.functional.interpolate(picture, **settings)
    assert torch.allclose(got, want, rtol=0, atol=1e-5)  # float32, and weights of a cubic that add up to one


def test_what_is_told_by_place_is_left_to_pytorch() -> None:
    picture = torch.randn(2, 3, 5, 7)
    want = torch.nn.functional.interpolate(picture, (3, 9), None, "bilinear", False)
    with by_matrices():
        assert torch.equal(torch.nn.functional.interpolate(picture, (3, 9), None, "bilinear", False), want)


def test_what_is_told_by_factor_is_left_to_pytorch() -> None:
    """As detectron2's pyramids say it (`modeling/backbone/fpn.py`)."""
    picture = torch.randn(2, 3, 5, 7)
    want = torch.nn.functional.interpolate(picture, scale_factor=2.0, mode="nearest")
    with by_matrices():
        assert torch.equal(torch.nn.functional.interpolate(picture, scale_factor=2.0, mode="nearest"), want)


class _Placed(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    """Patches with a table of positions that is fitted to their grid, as timm's towers have it."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.randn(1, 2, 10, 10))

    def forward(self, patches: Any) -> tuple[Any]:
        size = patches.shape[-2:]
        fitted = torch.nn.functional.interpolate(self.table, size=size, mode="bicubic", antialias=True)
        return (patches + fitted,)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_table_of_positions_is_fitted_to_any_grid(backend: str, tmp_path: Path) -> None:
    traced = Traced(
        graph=_Placed().eval(),
        inputs=("patches",),
        outputs=("found",),
        tensors=(torch.randn(2, 2, 4, 6),),
        open_axes=((0, 2, 3),),
        others=((torch.randn(1, 2, 12, 3),), (torch.randn(1, 2, 10, 10),)),
        config=None,
    )
    if backend == "onnxruntime":
        assert write_onnx(traced, tmp_path / "model.onnx", "torchscript") == "torchscript"
    else:
        assert converted(traced, "convert_model")[1] == "convert_model"
