"""Arrays where a model runs: where an output stands, and what a token that was written sees."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from ipfs_accelerate_py.skills.calls import WRITTEN  # noqa: E402 - torch is an extra
from ipfs_accelerate_py.skills.outputs import found_at, grown  # noqa: E402 - torch is an extra


def test_an_output_is_found_by_the_way_that_leads_to_it() -> None:
    output = {"maps": (torch.zeros(2), torch.ones(2, dtype=torch.float64))}
    found = found_at(output, ("maps", 1))
    assert found.dtype == torch.float32
    assert found.tolist() == [1.0, 1.0]
    assert found_at(output, ("maps", 1), whole=True).shape == (1, 2)


def test_each_token_written_sees_what_the_last_before_it_saw() -> None:
    seen = torch.tensor([[[1, 0], [0, 1]]])
    batch = {"image_attention_mask": seen, WRITTEN: torch.tensor([[7, 8, 9]])}
    found = grown(batch, "image_attention_mask")["image_attention_mask"]
    assert found.tolist() == [[[1, 0], [0, 1], [0, 1], [0, 1], [0, 1]]]
