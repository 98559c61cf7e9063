"""Operations that no exporter knows, computed by others while a graph is traced.

Each rewrite says what stops exporters, and what is computed instead. PyTorch itself goes on as it was: what is made is
compared with the model as transformers runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def traced() -> Iterator[None]:
    """Within this, all rewrites hold."""
    with ExitStack() as stack:
        stack.enter_context(expert_by_expert())
        stack.enter_context(repeats_by_shape())
        stack.enter_context(axes_from_the_front())
        yield


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


@contextmanager
def repeats_by_shape() -> Iterator[None]:
    """Within this, `repeat_interleave` by a number is an expanded axis, flattened.

    The exporter that traces knows it only for tensors all of whose sizes are known: rotary embeddings that turn pairs
    of neighbours (`models/cohere/modeling_cohere.py::CohereRotaryEmbedding`) stop it.
    """
    import torch

    usual, usual_method = torch.repeat_interleave, torch.Tensor.repeat_interleave

    def repeated(tensor: Any, repeats: Any, dim: int | None = None, **settings: Any) -> Any:
        if not isinstance(repeats, int) or dim is None:
            return usual(tensor, repeats, dim, **settings)
        place = dim % tensor.dim()
        sizes = [-1] * (tensor.dim() + 1)
        sizes[place + 1] = repeats
        return tensor.unsqueeze(place + 1).expand(sizes).flatten(place, place + 1)

    torch.repeat_interleave = torch.Tensor.repeat_interleave = repeated
    try:
        yield
    finally:
        torch.repeat_interleave, torch.Tensor.repeat_interleave = usual, usual_method


@contextmanager
def axes_from_the_front() -> Iterator[None]:
    """Within this, `permute` counts its axes from the front.

    The exporter that traces writes an axis counted from the end as it is, and ONNX knows none
    (`models/mamba2/modeling_mamba2.py::mamba2_chunk_scan`).
    """
    import torch

    usual = torch.Tensor.permute

    def permuted(tensor: Any, *axes: Any) -> Any:
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return usual(tensor, [axis % tensor.dim() for axis in given])

    torch.Tensor.permute = permuted
    try:
        yield
    finally:
        torch.Tensor.permute = usual


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
