"""Stretches taken by their places are those that `unfold` takes."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipfs_accelerate_py.skills import rewrites
from ipfs_accelerate_py.skills.rewrites import axes_from_the_front
from ipfs_accelerate_py.skills.sliding_stretches import by_place


@given(st.integers(-3, 2), st.integers(1, 4), st.integers(1, 6))
def test_stretches_are_those_of_unfold(axis: int, size: int, step: int) -> None:
    tensor = torch.arange(4 * 5 * 6).view(4, 5, 6)
    want = tensor.unfold(axis, size, step)
    with by_place():
        assert torch.equal(tensor.unfold(axis, size, step), want)


@given(st.integers(-4, 3), st.integers(-4, 3))
def test_an_axis_is_moved_alike(source: int, destination: int) -> None:
    tensor = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    want = torch.movedim(tensor, source, destination)
    with axes_from_the_front():
        assert torch.equal(torch.movedim(tensor, source, destination), want)
        assert torch.equal(tensor.movedim(source, destination), want)


class Halved(torch.nn.Module):
    """Pairs of frames, and as many frames of the rest: what asks for the number of the pairs."""

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        pairs = frames.unfold(1, 2, 2).mean(-1)
        return pairs + frames[:, : pairs.shape[1]]


# The exporter that traces is the one that kept it; PyTorch says that it will go.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_graph_keeps_no_number_of_pairs(tmp_path: Path) -> None:
    graph = tmp_path / "halved.onnx"
    axes = {"frames": {1: "length"}}
    with rewrites.traced():
        torch.onnx.export(
            Halved(), (torch.zeros(2, 48, 4),), graph, dynamo=False, input_names=["frames"], dynamic_axes=axes
        )
    frames = torch.linspace(0, 1, 2 * 96 * 4).view(2, 96, 4)
    (got,) = onnxruntime.InferenceSession(graph).run(None, {"frames": frames.numpy()})
    assert torch.allclose(
        torch.from_numpy(got), Halved()(frames), rtol=0, atol=1e-6
    )  # one rounding of float32
