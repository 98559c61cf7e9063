"""Small checkpoints are such that what is to be proved matters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AfmoeConfig, AfmoeModel

from ipfs_accelerate_py.evidence.tiny import saved


def _model() -> Any:
    config = AfmoeConfig(
        vocab_size=20,
        hidden_size=8,
        intermediate_size=8,
        moe_intermediate_size=8,
        num_hidden_layers=2,
        num_dense_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=4,
        num_experts=4,
        num_experts_per_tok=2,
    )
    return AfmoeModel(config)


def test_no_gate_of_a_mixture_finds_all_experts_alike(tmp_path: Path) -> None:
    saved(tmp_path, _model, [], gain=2.0)
    weights = load_file(tmp_path / "model.safetensors")
    gates = [tensor for name, tensor in weights.items() if name.endswith("router.gate.weight")]
    assert gates
    assert all(torch.unique(gate, dim=0).shape[0] == 4 for gate in gates)


def test_the_same_seed_draws_the_same_gates(tmp_path: Path) -> None:
    one, other = (
        load_file(Path(saved(tmp_path / name, _model, []).folder) / "model.safetensors") for name in "ab"
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
