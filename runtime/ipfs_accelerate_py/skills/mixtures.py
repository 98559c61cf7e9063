"""Mixtures of experts, one expert after the other, so that tracing keeps no choice of its example."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import around, in_classes, replaced


@contextmanager
def expert_by_expert() -> Iterator[None]:
    """Within this, a mixture of experts runs one expert after the other, each on the tokens that chose it.

    Transformers counts the tokens of each expert with a histogram (`torch.histc`, in
    `integrations/moe.py::grouped_mm_experts_forward`), which neither ONNX nor OpenVINO has. Its other form gathers the
    weights of an expert for every token: for a prompt of real length, hundreds of gigabytes. Mixtures with loops of
    their own (`models/nllb_moe`, `models/switch_transformers`) go over the experts that any token chose, asked of
    `torch.greater`, which all of transformers uses for that alone; here they go over all of them.
    """
    import torch
    from transformers.integrations import moe

    def chosen(self: Any, name: str, default: Callable[..., Any]) -> Callable[..., Any]:
        return _experts

    with replaced(
        (moe.ExpertsInterface, "get_interface", chosen),
        (torch, "greater", lambda counts, _: torch.ones_like(counts, dtype=torch.bool)),
        *in_classes({"LongcatFlashExperts": _with_idle_ones, "DbrxExperts": _in_one_table}, "forward"),
        *around({"JetMoeTopKGating": _naming}, "forward"),
        *in_classes({"JetMoeParallelExperts": _by_name}, "forward"),
    ):
        yield


def _experts(experts: Any, hidden: Any, chosen: Any, weights: Any) -> Any:
    """Return `hidden` (tokens, width) through the experts that `chosen` (tokens, choices) names, each by its weight."""
    return _summed(
        lambda number, some: _expert(experts, number, some), experts.num_experts, hidden, chosen, weights
    )


def _with_idle_ones(experts: Any, hidden: Any, chosen: Any, weights: Any) -> Any:
    """Return the same, where experts behind the last that has weights give what they are given."""
    count = experts.num_routed_experts
    found = _summed(lambda number, some: _expert(experts, number, some), count, hidden, chosen, weights)
    return found + hidden * (weights * (chosen >= count)).sum(-1, keepdim=True).to(hidden.dtype)


def _in_one_table(experts: Any, hidden: Any, chosen: Any, weights: Any) -> Any:
    """Return the same, where the weights of all experts are one table, and `hidden` are texts (`models/dbrx`)."""
    shape = (experts.num_experts, experts.ffn_hidden_size, experts.hidden_size)
    tables = [getattr(experts.mlp, name).view(shape) for name in ("w1", "v1", "w2")]

    def through(number: int, some: Any) -> Any:
        return experts.mlp(some, *(table[number] for table in tables))

    flat = hidden.reshape(-1, experts.hidden_size)
    return _summed(through, experts.num_experts, flat, chosen, weights).view(hidden.shape)


def _naming(usual: Any) -> Any:
    """Return a router that names the expert of each row, in place of how many rows each has (`models/jetmoe`).

    Those are numbers of Python, by which rows are split: a traced graph would keep its example's.
    """

    def forward(self: Any, hidden: Any) -> tuple[Any, ...]:
        order, tokens, weights, _, logits = usual(self, hidden)
        return order, tokens, weights, logits.topk(self.top_k, dim=1).indices.flatten()[order], logits

    return forward


def _by_name(self: Any, hidden: Any, names: Any) -> Any:
    """Return each row of `hidden` (rows, width) through the expert that `names` (rows,) says."""
    import torch

    found = torch.zeros_like(hidden[:, :1]).repeat(1, self.output_size)
    for number in range(self.num_experts):
        rows = torch.nonzero(names == number).squeeze(1)
        some = torch.nn.functional.linear(hidden[rows], self.weight[number])
        found = torch.index_add(found, 0, rows, some)
    return found


def _summed(expert: Callable[[int, Any], Any], count: int, hidden: Any, chosen: Any, weights: Any) -> Any:
    import torch

    total = torch.zeros_like(hidden)
    for number in range(count):
        tokens, choices = torch.nonzero(chosen == number, as_tuple=True)
        found = expert(number, hidden[tokens]) * weights[tokens, choices].unsqueeze(-1)
        total = torch.index_add(total, 0, tokens, found.to(total.dtype))
    return total


def _expert(experts: Any, number: int, hidden: Any) -> Any:
    if getattr(experts, "has_gate", True):
        inner = _gated(experts, _projected(experts, "gate_up_proj", number, hidden))
    else:
        inner = experts.act_fn(_projected(experts, "up_proj", number, hidden))
    outer = _projected(experts, "down_proj", number, inner)
    return experts.post_expert_norm(outer) if getattr(experts, "has_post_expert_norm", False) else outer


def _gated(experts: Any, both: Any) -> Any:
    if hasattr(experts, "_apply_gate"):
        return experts._apply_gate(both)
    gate, up = both.chunk(2, dim=-1)
    return experts.act_fn(gate) * up


def _projected(experts: Any, name: str, number: int, hidden: Any) -> Any:
    import torch

    weight = getattr(experts, name)[number]
    bias = getattr(experts, f"{name}_bias")[number] if getattr(experts, "has_bias", False) else None
    turned = getattr(experts, "is_transposed", False)
    return torch.nn.functional.linear(hidden, weight.T if turned else weight, bias)
