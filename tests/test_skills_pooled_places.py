"""Places that are reckoned for each block are those that Funnel lists."""

from __future__ import annotations

import pytest
import torch
from transformers import FunnelConfig
from transformers.models.funnel.modeling_funnel import FunnelAttentionStructure

from ipfs_accelerate_py.skills.pooled_places import by_block


@pytest.mark.parametrize("attention", ["relative_shift", "factorized"])
@pytest.mark.parametrize(("apart", "short"), [(True, True), (True, False), (False, False)])
@pytest.mark.parametrize("length", [5, 7, 8, 17, 30])
def test_distances_of_each_block_are_those_of_the_table(
    length: int, apart: bool, short: bool, attention: str
) -> None:
    config = FunnelConfig(
        d_model=8,
        block_sizes=[1, 1, 1],
        separate_cls=apart,
        truncate_seq=short,
        attention_type=attention,
    )
    structure = FunnelAttentionStructure(config).eval()
    want = structure.get_position_embeds(length, torch.float32, torch.device("cpu"))
    with by_block():
        got = structure.get_position_embeds(length, torch.float32, torch.device("cpu"))
    for ours, theirs in zip(got, want, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert (one is None and other is None) or torch.equal(one, other)
