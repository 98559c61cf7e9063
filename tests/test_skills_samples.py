"""What an export is compared on: all samples, each alone, and those of another size where a head has such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pytest

from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.export import samples
from ipfs_accelerate_py.skills.head import Example, Head, Port, Steps

LONGER = ({"ids": np.arange(5)}, {"ids": np.arange(5)})


def head(other: tuple[Any, ...]) -> Head:
    def prepare(items: Sequence[Any], options: Mapping[str, Any]) -> list[Example]:
        assert (
            items
        ), "there is nothing to prepare"  # as of towers, which read the first of what they are given
        return [Example((row,)) for row in items]

    def steps(checkpoint: Checkpoint) -> Steps:
        return Steps(prepare, lambda *_: {}, ({"ids": np.arange(3)}, {"ids": np.arange(3)}), other=other)

    def unused(*_: Any, **__: Any) -> Any:
        raise AssertionError

    port = Port("int64", axes=("batch", "tokens"), dynamic=("batch", "tokens"))
    return Head(model=unused, graph=unused, steps=steps, inputs={"ids": port}, outputs=("logits",))


@pytest.mark.parametrize(
    ("other", "shapes"), [((), [(2, 3), (1, 3), (1, 3)]), (LONGER, [(2, 3), (1, 3), (1, 3), (2, 5)])]
)
def test_a_second_size_is_compared_on_where_there_is_one(other: Any, shapes: list[tuple[int, ...]]) -> None:
    found = samples(head(other), cast("Checkpoint", None))
    assert [batch["ids"].shape for batch in found] == shapes
