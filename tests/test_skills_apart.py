"""Rows of unequal length are run apart where filling one up would change what comes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.skills.apart import ApartHandler, ApartRereader, written_apart
from ipfs_accelerate_py.skills.handler import Place
from ipfs_accelerate_py.skills.head import Example, Steps


def _handler(seen: list[tuple[int, ...]], kind: type[ApartHandler] = ApartHandler) -> ApartHandler:
    def forward(batch: Any) -> dict[str, Any]:
        seen.append(batch["input_ids"].shape)
        return {"length": np.full(len(batch["input_ids"]), batch["input_ids"].shape[1])}

    steps = Steps(
        prepare=lambda items, options: [
            Example(({"input_ids": np.ones(item, dtype=np.int64)},)) for item in items
        ],
        present=lambda example, rows, options: {"length": int(rows[0]["length"])},
        sample=(1,),
        padding={"input_ids": 0},
    )
    return kind(task="t", model="m", steps=steps, forward=forward, place=Place("cpu", "cpu"))


@pytest.mark.parametrize("kind", [ApartHandler, ApartRereader])
def test_no_row_is_filled_up_and_those_of_one_length_go_together(kind: type[ApartHandler]) -> None:
    seen: list[tuple[int, ...]] = []
    answers = _handler(seen, kind)([3, 5, 3, 2])
    assert [answer["length"] for answer in answers] == [3, 5, 3, 2]
    assert sorted(seen) == [(1, 2), (1, 5), (2, 3)]


def test_what_is_written_comes_back_in_the_order_of_the_rows() -> None:
    class Writing:
        steps = Steps(prepare=lambda *_: [], present=lambda *_: {}, sample=(), run=written_apart)

        def run(self, rows: Any, options: Any) -> list[dict[str, Any]]:
            assert self.steps.run is None
            assert len({len(row["input_ids"]) for row in rows}) == 1
            return [{"tokens": row["input_ids"]} for row in rows]

    rows = [{"input_ids": np.arange(length)} for length in (3, 5, 3)]
    written = written_apart(Writing(), rows, {})  # type: ignore[arg-type]  # all of a generator that it needs
    assert [each["tokens"].tolist() for each in written] == [row["input_ids"].tolist() for row in rows]
