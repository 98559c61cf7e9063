"""What a model kept of earlier calls is gone when the next one begins."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch

from ipfs_accelerate_py.skills.forgetting import forgetful


class Words:
    """Vectors of texts that were read, by their words, and how many these are."""

    def __init__(self) -> None:
        self.cache: dict[int, Any] = {}
        self.load = 0


class Reader(torch.nn.Module):  # type: ignore[misc]  # its types are not read
    """Gives for each number the mean of those beside which it was first read."""

    def __init__(self) -> None:
        super().__init__()
        self.words = Words()

    def forward(self, numbers: Any) -> Any:
        for number in numbers.tolist():
            if number not in self.words.cache:
                self.words.cache[number] = numbers.mean()
                self.words.load += 1
        return torch.stack([self.words.cache[number] for number in numbers.tolist()])


def test_what_one_call_left_does_not_answer_the_next() -> None:
    first, second = torch.tensor([1.0, 3.0]), torch.tensor([3.0, 9.0])
    plain, reader = torch.nn.Sequential(Reader()), forgetful(torch.nn.Sequential(Reader()))
    for model in (plain, reader, deepcopy(reader)):
        model(first)
        expected = [2.0, 6.0] if model is plain else [6.0, 6.0]
        assert model(second).tolist() == expected
        assert model[0].words.load == (3 if model is plain else 2)


def test_a_model_that_remembers_nothing_is_left_as_it_is() -> None:
    assert not forgetful(torch.nn.Linear(2, 2))._forward_pre_hooks
