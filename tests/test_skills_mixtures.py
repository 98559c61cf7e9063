"""Mixtures whose rows are counted are those of transformers, and a graph of them keeps no count of its example."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnxruntime
import torch
from transformers import JetMoeConfig
from transformers.models.jetmoe import modeling_jetmoe as jetmoe

from ipfs_accelerate_py.skills.mixtures import expert_by_expert
from ipfs_accelerate_py.skills.rewrites import said_otherwise

_ROUNDED = 1e-4
_SETTINGS = {"hidden_size": 8, "intermediate_size": 6, "kv_channels": 4, "num_key_value_heads": 2}


class _Both(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    def __init__(self) -> None:
        super().__init__()
        config = JetMoeConfig(**_SETTINGS, num_local_experts=4, num_experts_per_tok=2)
        self.mixture, self.attention = jetmoe.JetMoeMoE(config), jetmoe.JetMoeMoA(config)
        for each in self.parameters():
            torch.nn.init.normal_(each)

    def forward(self, hidden: Any) -> tuple[Any, Any]:
        asked, _, places = self.attention.map(hidden)
        return self.mixture(hidden), self.attention.reduce(asked, places)


def test_rows_by_the_name_of_their_expert_are_rows_by_count(tmp_path: Any) -> None:
    torch.manual_seed(0)
    model, few, many = _Both().eval(), torch.randn(2, 3, 8), torch.randn(1, 11, 8)
    with torch.no_grad():
        want = model(many)
        with expert_by_expert(), said_otherwise(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what was traced, and that tracing is the older way
            found = model(many)
            torch.onnx.export(
                model,
                (few,),
                tmp_path / "both.onnx",
                dynamo=False,
                input_names=["hidden"],
                dynamic_axes={"hidden": {0: "rows", 1: "tokens"}},
                opset_version=17,
            )
    exported = onnxruntime.InferenceSession(tmp_path / "both.onnx").run(None, {"hidden": many.numpy()})
    for one, other, traced in zip(found, want, exported, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=_ROUNDED)
        assert np.abs(traced - other.numpy()).max() <= _ROUNDED
