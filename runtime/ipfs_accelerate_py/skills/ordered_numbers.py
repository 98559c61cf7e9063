"""Numbers one after the other, told by what exporters know: differences of neighbours, places among sorted ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import replaced


@contextmanager
def by_comparison() -> Iterator[None]:
    """Within this, `diff` is a subtraction, and `searchsorted` counts the numbers that come before.

    No exporter knows either: masks of packed texts are told by the one (`masking_utils.py`), and of which sound a
    window is by the other (`models/musicflamingo`).
    """
    import torch

    usual = torch.searchsorted

    def places(sorted_sequence: Any, *given: Any, right: bool = False, **settings: Any) -> Any:
        if settings or sorted_sequence.dim() != 1 or not isinstance(given[0], torch.Tensor):
            return usual(sorted_sequence, *given, right=right, **settings)
        here = given[0].unsqueeze(-1)
        return (sorted_sequence <= here if right else sorted_sequence < here).sum(-1)

    with replaced(
        (torch, "diff", _differences), (torch.Tensor, "diff", _differences), (torch, "searchsorted", places)
    ):
        yield


def _differences(tensor: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    import torch

    ends = (prepend, tensor, append) if n else (tensor,)
    found = torch.cat([each for each in ends if each is not None], dim)
    for _ in range(n):
        later, earlier = found.narrow(dim, 1, found.shape[dim] - 1), found.narrow(
            dim, 0, found.shape[dim] - 1
        )
        found = later ^ earlier if found.dtype == torch.bool else later - earlier
    return found
