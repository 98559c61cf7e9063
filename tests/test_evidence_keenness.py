"""Agreement proves something only of results in which slightly wrong weights would show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.evidence.comparison import TOLERANCE, Array
from ipfs_accelerate_py.evidence.controls import needed, sensitive
from ipfs_accelerate_py.evidence.keenness import keenness

torch = pytest.importorskip("torch")


@dataclass(frozen=True)
class _Bench:
    """A layer and what is read of its scores."""

    read: Callable[[Any], Any]
    batch: Any = None

    @cached_property
    def model(self) -> Any:
        torch.manual_seed(0)
        return torch.nn.Linear(64, 64).requires_grad_(False)

    def reference(self, batch: Mapping[str, Array] | None) -> dict[str, Array]:
        return {"scores": self.read(self.model(torch.linspace(-1, 1, 64))).numpy()}


def _beside(filler: float) -> Callable[[Any], Any]:
    return lambda scores: torch.cat([scores, torch.full((1,), filler)])


KEEN = {
    "scores": lambda scores: scores,
    "chances": torch.sigmoid,
    "scores beside what stands for minus infinity": _beside(torch.finfo(torch.float32).min),
    "those above a threshold, be they as many or not": lambda scores: scores[scores > 0],
}
BLUNT = {
    "chances of 0 and 1": lambda scores: torch.sigmoid(1e6 * scores),
    "a sound at its loudest": lambda scores: torch.tanh(1e6 * (scores + 10)),
    "the input itself": lambda scores: torch.linspace(-1, 1, 64),
    "scores beside a filler": _beside(-10000.0),
    "one score among chances of nothing": lambda scores: torch.softmax(1e3 * scores, dim=-1),
    "nothing but what stands for minus infinity": lambda scores: torch.full((8,), -torch.inf),
}


@pytest.mark.parametrize("read", KEEN.values(), ids=KEEN)
def test_slightly_wrong_weights_show_in_scores(read: Callable[[Any], Any]) -> None:
    bench: Any = _Bench(read)
    assert sensitive(keenness(bench))


@pytest.mark.parametrize("read", BLUNT.values(), ids=BLUNT)
def test_what_is_the_same_whatever_the_weights_are_proves_nothing(read: Callable[[Any], Any]) -> None:
    bench: Any = _Bench(read)
    (control,) = keenness(bench)
    assert control.value < needed(TOLERANCE)
    assert "scores" in control.name


def test_choices_are_not_asked_since_they_are_the_same_for_weights_nearly_right() -> None:
    bench: Any = _Bench(lambda scores: scores.argmax(dim=-1, keepdim=True))
    assert keenness(bench) == []


def test_the_model_that_is_asked_keeps_its_weights() -> None:
    bench: Any = _Bench(lambda scores: scores)
    before = bench.reference(None)["scores"]
    keenness(bench)
    assert np.array_equal(before, bench.reference(None)["scores"])
