"""Pictures and tables of positions that are resized with antialiasing, while a graph is traced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from ipfs_accelerate_py.skills.replacing import replaced


@contextmanager
def by_matrices() -> Iterator[None]:
    """Within this, a picture is resized with antialiasing by two matrices.

    No exporter knows the operation (`aten::_upsample_bilinear2d_aa`). It is linear and goes along one axis at a time:
    what is new at a place is a mean of what lies about it, by a weight for each distance. So it holds for sizes that
    vary, too, as of a table of positions that is fitted to each picture (`timm/layers/pos_embed.py`).
    """
    import torch

    usual = torch.nn.functional.interpolate

    def resized(
        tensor: Any,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        *given: Any,
        **settings: Any,
    ) -> Any:
        known = (
            mode in _WEIGHTS and size is not None and tensor.dim() == 4 and not settings.get("align_corners")
        )
        if not settings.get("antialias") or given or not known:
            return usual(tensor, size, scale_factor, mode, *given, **settings)
        high, wide = (size, size) if isinstance(size, int) else size
        rows = _matrix(tensor.shape[-2], high, *_WEIGHTS[mode])
        columns = _matrix(tensor.shape[-1], wide, *_WEIGHTS[mode])
        return rows @ tensor @ columns.T

    with replaced((torch.nn.functional, "interpolate", resized)):
        yield


def _matrix(old: Any, new: Any, weight: Callable[[Any], Any], reach: int) -> Any:
    """Return what takes `old` numbers to `new` ones, (new, old): numbers of Python or, while traced, tensors.

    As `aten/src/ATen/native/cpu/UpSampleKernel.cpp` has it: distances are in new places where there are fewer of them,
    and what lies outside the edges counts for nothing.
    """
    import torch

    scale = old / new
    wide = scale.clamp(min=1.0) if isinstance(scale, torch.Tensor) else max(scale, 1.0)
    middles = (torch.arange(new) + 0.5) * scale
    apart = (torch.arange(old) + 0.5 - middles[:, None]).abs() / wide
    weights = torch.where(apart < reach, weight(apart), torch.zeros_like(apart))
    return weights / weights.sum(-1, keepdim=True)


def _linear(apart: Any) -> Any:
    return 1.0 - apart


def _cubic(apart: Any) -> Any:
    """Keys' cubic of -1/2, which PyTorch takes with antialiasing (and of -3/4 without)."""
    import torch

    near = (1.5 * apart - 2.5) * apart * apart + 1.0
    far = ((-0.5 * apart + 2.5) * apart - 4.0) * apart + 2.0
    return torch.where(apart < 1, near, far)


_WEIGHTS: Final[Mapping[str, tuple[Callable[[Any], Any], int]]] = {
    "bilinear": (_linear, 1),
    "bicubic": (_cubic, 2),
}
"""The weight of each distance, and the distance from which it is none."""
