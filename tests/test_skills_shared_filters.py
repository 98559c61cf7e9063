"""What vocoders do to sounds, while a graph is traced: one filter for all channels, and frames that overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipfs_accelerate_py.skills.overlapped_frames import by_hop
from ipfs_accelerate_py.skills.routes import Traced, converted, write_onnx
from ipfs_accelerate_py.skills.shared_filters import by_channel


@given(
    channels=st.integers(1, 4),
    length=st.integers(6, 12),
    stride=st.integers(1, 3),
    spread=st.booleans(),
    up=st.booleans(),
)
def test_filtered_is_as_pytorch_filters(
    channels: int, length: int, stride: int, spread: bool, up: bool
) -> None:
    filters = torch.randn(1, 1, 5).expand(channels, -1, -1) if spread else torch.randn(channels, 1, 5)
    filtered = torch.nn.functional.conv_transpose1d if up else torch.nn.functional.conv1d
    sound, settings = torch.randn(2, channels, length), {"stride": stride, "groups": channels}
    want = filtered(sound, filters, **settings)
    with by_channel():
        name = "conv_transpose1d" if up else "conv1d"
        got = getattr(torch.nn.functional, name)(sound, filters, **settings)
    assert torch.allclose(got, want, atol=1e-5)  # float32, summed in another order


@given(frames=st.integers(1, 6), hops=st.integers(1, 4), hop=st.integers(1, 5), more=st.integers(0, 1))
def test_overlapping_frames_are_added_up_as_pytorch_does(frames: int, hops: int, hop: int, more: int) -> None:
    size = hops * hop + more  # with one more, it is no whole number of hops and left to PyTorch
    given = torch.randn(2, size, frames)
    settings: Any = {"kernel_size": (1, size), "stride": (1, hop)}
    length = (frames - 1) * hop + size
    want = torch.nn.functional.fold(given, (1, length), **settings)
    with by_hop():
        got = torch.nn.functional.fold(given, (1, length), **settings)
    assert torch.allclose(got, want, atol=1e-5)  # float32, summed in another order


class _Vocoder(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    """The end of one: sampled up and down by a filter that is expanded at run time, then frames that are added up."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", torch.hann_window(6).reshape(1, 1, 6) + 0.1)

    def forward(self, sound: Any) -> tuple[Any]:
        count = sound.shape[1]
        filters = self.filter.expand(count, -1, -1)
        up = torch.nn.functional.conv_transpose1d(sound, filters, stride=2, groups=count)
        down = torch.nn.functional.conv1d(up, filters, stride=2, groups=count)
        length = (down.shape[-1] - 1) * 2 + 4
        return (torch.nn.functional.fold(down, (1, length), kernel_size=(1, 4), stride=(1, 2)),)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_vocoder_is_exported_for_any_length(backend: str, tmp_path: Path) -> None:
    traced = Traced(
        graph=_Vocoder().eval(),
        inputs=("sound",),
        outputs=("audio",),
        tensors=(torch.randn(2, 4, 5),),
        open_axes=((0, 2),),
        others=((torch.randn(1, 4, 9),), (torch.randn(3, 4, 1),)),
        config=None,
    )
    if backend == "onnxruntime":
        assert write_onnx(traced, tmp_path / "model.onnx", "torchscript") == "torchscript"
    else:
        assert converted(traced, "convert_model")[1] == "convert_model"
