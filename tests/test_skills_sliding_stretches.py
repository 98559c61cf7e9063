"""Stretches taken by their places are those that `unfold` takes."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ipfs_accelerate_py.skills import rewrites


@settings(max_examples=20)  # each begins all rewrites, which takes most of a second
@given(st.integers(-3, 2), st.integers(1, 4), st.integers(1, 6))
def test_stretches_are_those_of_unfold(axis: int, size: int, step: int) -> None:
    tensor = torch.arange(4 * 5 * 6).view(4, 5, 6)
    want = tensor.unfold(axis, size, step)
    with rewrites.traced():
        assert torch.equal(tensor.unfold(axis, size, step), want)


@settings(max_examples=20)  # each begins all rewrites, which takes most of a second
@given(st.integers(-4, 3), st.integers(-4, 3))
def test_an_axis_is_moved_alike(source: int, destination: int) -> None:
    tensor = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    want = torch.movedim(tensor, source, destination)
    with rewrites.traced():
        assert torch.equal(torch.movedim(tensor, source, destination), want)
        assert torch.equal(tensor.movedim(source, destination), want)
