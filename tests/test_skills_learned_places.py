"""What each patch reads between learned places is what transformers gives by resizing them for each picture."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.cosmos3_edge.modeling_cosmos3_edge import Cosmos3EdgeVisionEmbeddings
from transformers.models.siglip2.modeling_siglip2 import Siglip2VisionEmbeddings

from ipfs_accelerate_py.skills.learned_places import read_by_shares

_SIDE = st.integers(1, 9)
_WIDE = st.integers(2, 9)  # PyTorch 2.13 gives a picture of one column its first row for each
# Sums of the same shares in another order: float32 rounds each at 1e-7, and they are below 10.
_ROUNDING = 1e-5


def _square(side: int) -> torch.Tensor:
    return torch.linspace(-3.0, 3.0, side * side * 5).sin().reshape(side, side, 5)


@given(st.lists(st.tuples(_SIDE, _WIDE), min_size=1, max_size=3), _SIDE, st.integers(0, 4))
def test_places_of_pictures_in_a_row_each_are_those_of_transformers(
    sizes: list[tuple[int, int]], side: int, more: int
) -> None:
    longest = max(high * wide for high, wide in sizes) + more
    resized = Siglip2VisionEmbeddings.resize_positional_embeddings
    want = resized(_square(side), torch.tensor(sizes), max_length=longest)
    with read_by_shares():
        got = Siglip2VisionEmbeddings.resize_positional_embeddings(
            _square(side), torch.tensor(sizes), max_length=longest
        )
    assert torch.allclose(got, want, rtol=0, atol=_ROUNDING)
    assert Siglip2VisionEmbeddings.resize_positional_embeddings is resized


@given(
    st.lists(st.tuples(st.integers(1, 2), _SIDE, _WIDE), min_size=1, max_size=3),
    _SIDE,
    st.sampled_from([1, 2]),
)
def test_places_of_packed_pictures_are_those_of_transformers(
    grids: list[tuple[int, int, int]], side: int, merge: int
) -> None:
    grid = torch.tensor([(frames, high * merge, wide * merge) for frames, high, wide in grids])
    want = Cosmos3EdgeVisionEmbeddings.resize_positional_embeddings(_square(side), grid, merge)
    with read_by_shares():
        got = Cosmos3EdgeVisionEmbeddings.resize_positional_embeddings(_square(side), grid, merge)
    assert torch.allclose(got, want, rtol=0, atol=_ROUNDING)
