"""Weights that rounding alone moves are none to agree on, and inputs after which nothing is told are exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.evidence import given
from ipfs_accelerate_py.evidence.comparison import Array
from ipfs_accelerate_py.evidence.steadiness import steady
from ipfs_accelerate_py.skills.given import Given

torch = pytest.importorskip("torch")


@dataclass(frozen=True)
class _Bench:
    """A layer, and the sine of so many times its result: of many, the last bit turns it round."""

    times: float
    batch: Any = None

    @cached_property
    def model(self) -> Any:
        torch.manual_seed(0)
        return torch.nn.Linear(8, 8).requires_grad_(False)

    def reference(self, batch: Mapping[str, Array] | None) -> dict[str, Array]:
        return {"logits": torch.sin(self.times * self.model(torch.ones(8))).numpy()}


def test_what_the_last_bit_of_the_weights_moves_far_is_not_steady() -> None:
    plain: Any = _Bench(1.0)
    wild: Any = _Bench(1e7)
    assert steady(plain)
    assert not steady(wild)
    assert plain.reference(None)["logits"].tolist() == _Bench(1.0).reference(None)["logits"].tolist()


@pytest.mark.parametrize(
    ("varied", "found"), [(lambda number: number > 0, True), (lambda number: False, False)]
)
def test_an_input_that_little_is_written_after_is_exchanged_for_one_that_more_is(
    varied: Any, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tokens(bench: Any) -> list[list[int]]:
        return [
            [int(item["x"][0] * 100), 2, 3, 4] if varied(item["x"][0]) else [1, 1]
            for item in bench.case.inputs
        ]

    monkeypatch.setattr(given, "written", tokens)
    monkeypatch.setattr(given, "told_apart", lambda bench: True)
    monkeypatch.setattr(given, "sensitive", lambda controls: True)
    monkeypatch.setattr(given.ArrayBench, "controls", lambda bench, forward: [])
    usual = tuple({"x": np.full(3, -1.0, dtype=np.float32)} for _ in range(4))
    case = given.ArrayCase(lambda config: None, inputs=usual, given={"x": Given("float32", sizes=(3,))})
    checkpoint: Any = SimpleNamespace(json=lambda name: {})
    skill: Any = None
    made = given._with_varied_inputs(given.ArrayBench(skill, "task", case, checkpoint))
    assert (made is not None) is found
    if made is not None:
        assert len(made.case.inputs) == len(usual)
        assert all(varied(item["x"][0]) for item in made.case.inputs)
