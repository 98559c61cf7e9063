"""Outputs of parts within an output, and windows of pictures that come as rows."""

from __future__ import annotations

import torch
from torch import nn
from transformers import PreTrainedConfig
from transformers.modeling_outputs import BaseModelOutput, ModelOutput

from ipfs_accelerate_generator.survey.rules.features import in_windows
from ipfs_accelerate_generator.survey.running import forward
from ipfs_accelerate_generator.survey.shape import Shape


class _Whole(nn.Module):  # type: ignore[misc]  # its types are not read
    def forward(self, given: torch.Tensor) -> ModelOutput:
        return ModelOutput(
            seen=BaseModelOutput(last_hidden_state=given), read=BaseModelOutput(last_hidden_state=2 * given)
        )


def test_of_the_outputs_of_parts_the_last_comes_first_as_it_is_made_of_the_others() -> None:
    given = torch.ones(2, 3)
    found = forward(_Whole(), {"given": given})
    assert list(found) == ["read__last_hidden_state", "seen__last_hidden_state"]
    assert torch.equal(found["read__last_hidden_state"], 2 * given)


def test_a_picture_in_windows_has_as_many_rows_as_windows() -> None:
    config = PreTrainedConfig()
    config.num_windows, config.hidden_size = 4, 8
    shape = Shape("feature-extraction", config, 5)
    assert in_windows(shape, torch.Generator()).shape == (8, 5, 8)
