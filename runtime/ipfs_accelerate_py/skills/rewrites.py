"""Operations that no exporter knows, computed by others while a graph is traced.

Each rewrite says what stops exporters, and what is computed instead. PyTorch itself goes on as it was: what is made is
compared with the model as transformers runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def expert_by_expert() -> Iterator[None]:
    """Within this, a mixture of experts runs one expert after the other, each on the tokens that chose it.

    Transformers counts the tokens of each expert with a histogram (`torch.histc`, in
    `integrations/moe.py::grouped_mm_experts_forward`), which neither ONNX nor OpenVINO has. Its other form gathers the
    weights of an expert for every token: for a prompt of real length, hundreds of gigabytes.
    """
    from transformers.integrations import moe

    usual = moe.ExpertsInterface.get_interface

    def chosen(self: Any, name: str, default: Callable[..., Any]) -> Callable[..., Any]:
        return _experts

    moe.ExpertsInterface.get_interface = chosen
    try:
        yield
    finally:
        moe.ExpertsInterface.get_interface = usual


def _experts(experts: Any, hidden: Any, chosen: Any, weights: Any) -> Any:
    """Return `hidden` (tokens, width) through the experts that `chosen` (tokens, choices) names, each by its weight."""
    import torch

    total = torch.zeros_like(hidden)
    for number in range(experts.num_experts):
        tokens, choices = torch.nonzero(chosen == number, as_tuple=True)
        found = _expert(experts, number, hidden[tokens]) * weights[tokens, choices].unsqueeze(-1)
        total = total.index_add(0, tokens, found.to(total.dtype))
    return total


def _expert(experts: Any, number: int, hidden: Any) -> Any:
    if experts.has_gate:
        inner = experts._apply_gate(_projected(experts, "gate_up_proj", number, hidden))
    else:
        inner = experts.act_fn(_projected(experts, "up_proj", number, hidden))
    outer = _projected(experts, "down_proj", number, inner)
    return experts.post_expert_norm(outer) if experts.has_post_expert_norm else outer


def _projected(experts: Any, name: str, number: int, hidden: Any) -> Any:
    import torch

    weight = getattr(experts, name)[number]
    bias = getattr(experts, f"{name}_bias")[number] if experts.has_bias else None
    return torch.nn.functional.linear(hidden, weight.T if experts.is_transposed else weight, bias)
