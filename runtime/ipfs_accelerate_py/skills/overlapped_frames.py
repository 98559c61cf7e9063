"""Frames of a sound that overlap, added up while a graph is traced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import replaced


@contextmanager
def by_hop() -> Iterator[None]:
    """Within this, frames of a whole number of hops are added up hop by hop.

    A decoder turns each spectrum into a frame of sound and adds up what overlaps by `fold`
    (`models/xcodec2/modeling_xcodec2.py::Xcodec2ISTFTHead`), which neither exporter that traces knows.
    """
    import torch

    usual = torch.nn.functional.fold

    def folded(frames: Any, output_size: Any, kernel_size: Any, *places: Any, **settings: Any) -> Any:
        stride = settings.get("stride")
        if places or {*settings} != {"stride"} or not _are_hops(kernel_size, stride) or frames.dim() != 3:
            return usual(frames, output_size, kernel_size, *places, **settings)
        hop: int = settings["stride"][1]
        count = kernel_size[1] // hop
        hops = frames.transpose(1, 2).reshape(frames.shape[0], -1, count, hop)
        moved = [
            torch.nn.functional.pad(hops[:, :, place], (0, 0, place, count - 1 - place))
            for place in range(count)
        ]
        return torch.stack(moved).sum(0).reshape(frames.shape[0], 1, 1, -1)

    with replaced((torch.nn.functional, "fold", folded)):
        yield


def _are_hops(kernel: Any, stride: Any) -> bool:
    """Return whether both are of one row, and the longer a whole number of the shorter."""
    pairs = isinstance(kernel, tuple) and isinstance(stride, tuple)
    return pairs and kernel[0] == stride[0] == 1 and kernel[1] % stride[1] == 0
