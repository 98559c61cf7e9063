"""Differences and places among sorted numbers, told by comparisons, are those of PyTorch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipfs_accelerate_py.skills import rewrites
from ipfs_accelerate_py.skills.ordered_numbers import by_comparison

_NUMBERS = st.lists(st.integers(-5, 5), min_size=2, max_size=9)


@given(_NUMBERS, st.integers(0, 2), st.booleans(), st.booleans())
def test_differences_are_those_of_pytorch(numbers: list[int], times: int, before: bool, after: bool) -> None:
    rows = torch.tensor([numbers, numbers[::-1]])
    ends = {"prepend": rows[:, :1] - 1 if before else None, "append": rows[:, -1:] + 2 if after else None}
    want = torch.diff(rows, times, **ends), rows.diff(dim=0), (rows > 0).diff()
    with by_comparison():
        got = torch.diff(rows, times, **ends), rows.diff(dim=0), (rows > 0).diff()
    assert all(torch.equal(one, other) for one, other in zip(got, want, strict=True))


@given(_NUMBERS, _NUMBERS, st.booleans())
def test_places_among_sorted_numbers_are_those_of_pytorch(
    numbers: list[int], asked: list[int], right: bool
) -> None:
    known, wanted = torch.tensor(sorted(numbers)), torch.tensor([asked, asked[::-1]])
    want = torch.searchsorted(known, wanted, right=right)
    with by_comparison():
        got = torch.searchsorted(known, wanted, right=right)
    assert torch.equal(got, want)


def test_places_that_are_asked_for_otherwise_are_left_to_pytorch() -> None:
    rows = torch.tensor([[1, 3], [2, 4]])
    with rewrites.traced():
        assert torch.searchsorted(rows, rows).tolist() == [[0, 1], [0, 1]]
        assert torch.searchsorted(rows[0], rows[1], side="right").tolist() == [1, 2]


@pytest.mark.parametrize("name", ["diff", "searchsorted"])
def test_pytorch_is_as_it_was_afterwards(name: str) -> None:
    before = getattr(torch, name)
    with rewrites.traced():
        assert getattr(torch, name) is not before
    assert getattr(torch, name) is before
