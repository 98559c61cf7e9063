"""What stands in for an operation while a graph is traced computes the same, and only then."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import torch
from transformers import DbrxConfig, LongcatFlashConfig, Qwen3MoeConfig, Qwen3MoeForCausalLM
from transformers.integrations import moe
from transformers.models.dbrx import modeling_dbrx as dbrx
from transformers.models.longcat_flash import modeling_longcat_flash as longcat

from ipfs_accelerate_py.skills import rewrites
from ipfs_accelerate_py.skills.routes import Traced, converted


def test_a_mixture_of_experts_answers_alike_one_expert_after_the_other() -> None:
    torch.manual_seed(0)
    sizes = {
        "vocab_size": 40,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "head_dim": 8,
    }
    experts = {
        "num_experts": 5,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 8,
        "num_key_value_heads": 1,
    }
    model = Qwen3MoeForCausalLM(Qwen3MoeConfig(**sizes, **experts)).eval()
    ids = torch.arange(14).reshape(2, 7)
    with torch.no_grad():
        usual = model(ids).logits
        with rewrites.traced():
            rewritten = model(ids).logits
    # Sums of the same products in another order: float32 rounds each at 1e-7.
    assert torch.allclose(usual, rewritten, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("repeats", "dim"), [(2, -1), (3, 0), (1, 1), (4, -2)])
def test_repeats_are_those_of_pytorch(repeats: int, dim: int) -> None:
    tensor = torch.arange(24.0).reshape(2, 3, 4)
    want = tensor.repeat_interleave(repeats, dim=dim)
    with rewrites.traced():
        assert torch.equal(tensor.repeat_interleave(repeats, dim=dim), want)
        assert torch.equal(torch.repeat_interleave(tensor, repeats, dim), want)


def test_repeats_of_their_own_for_each_place_are_those_of_pytorch() -> None:
    tensor, repeats = torch.arange(3), torch.tensor([0, 2, 1])
    with rewrites.traced():
        assert torch.repeat_interleave(tensor, repeats).tolist() == [1, 1, 2]
        assert torch.repeat_interleave(tensor[:, None], repeats, dim=0).tolist() == [[1], [1], [2]]


def test_squeezed_is_what_pytorch_squeezes_however_the_axis_is_told() -> None:
    tensor = torch.zeros(1, 3, 1)
    with rewrites.traced():
        assert tensor.squeeze().shape == (3,)
        assert tensor.squeeze(0).shape == tensor.squeeze(dim=0).shape == (3, 1)
        assert tensor.squeeze(1).shape == tensor.squeeze(dim=1).shape == (1, 3, 1)
        assert tensor.squeeze((0, 2)).shape == tensor.squeeze(dim=(0, 2)).shape == (3,)
        assert torch.tensor(1.0).squeeze(dim=-1).shape == ()


@pytest.mark.parametrize("reduce", ["sum", "mean", "amax", "amin", "prod"])
@pytest.mark.parametrize("whole", [True, False])
def test_what_is_scattered_is_reduced_as_pytorch_does(reduce: str, whole: bool) -> None:
    base, index, values = torch.tensor([7.0, 8.0, 9.0]), torch.tensor([0, 2, 0, 0]), torch.arange(1.0, 5.0)
    given = {"dim": 0, "index": index, "src": values, "reduce": reduce, "include_self": whole}
    want = base.scatter_reduce(**given)
    with rewrites.traced():
        # A mean is a sum that is divided, which rounds once more.
        assert torch.allclose(base.scatter_reduce(**given), want, rtol=1e-6, atol=0)


def test_masks_that_are_combined_in_place_are_combined() -> None:
    mask, other = torch.tensor([True, False, False]), torch.tensor([False, False, True])
    with rewrites.traced():
        either = mask
        either |= other
        both = mask
        both &= other
    assert either.tolist() == [True, False, True]
    assert both.tolist() == [False, False, False]


@pytest.mark.parametrize(
    ("first", "second", "dim"),
    [((2, 3), (2, 1), 1), ((3, 2), (1, 2), 1), ((2, 3), (4, 3), 0), ((1, 3), (2, 2), -1)],
)
def test_what_is_taken_along_an_axis_is_what_pytorch_takes(
    first: tuple[int, int], second: tuple[int, int], dim: int
) -> None:
    tensor = torch.arange(float(torch.Size(first).numel())).reshape(first)
    places = torch.arange(torch.Size(second).numel()).reshape(second) % first[dim]
    want = torch.take_along_dim(tensor, places, dim)
    with rewrites.traced():
        assert torch.equal(torch.take_along_dim(tensor, places, dim=dim), want)


def test_what_is_true_is_counted() -> None:
    tensor = torch.tensor([True, False, True])
    with rewrites.traced():
        assert tensor.cumsum(-1).tolist() == [1, 1, 2]
        assert torch.cumsum(tensor, dim=0).tolist() == [1, 1, 2]


@pytest.mark.parametrize("axes", [(0, -2, -1, 1), ((0, 3, -3, 2),), (3, 2, 1, 0)])
def test_axes_from_the_end_are_the_same_axes(axes: tuple[int, ...]) -> None:
    tensor = torch.arange(24.0).reshape(1, 2, 3, 4)
    want = tensor.permute(*axes)
    with rewrites.traced():
        assert torch.equal(tensor.permute(*axes), want)


def test_pytorch_and_transformers_are_as_they_were_after_an_export_that_failed() -> None:
    before = (torch.repeat_interleave, torch.Tensor.permute, moe.ExpertsInterface.get_interface)
    with suppress(RuntimeError), rewrites.traced():
        raise RuntimeError("an export failed")
    assert (torch.repeat_interleave, torch.Tensor.permute, moe.ExpertsInterface.get_interface) == before


def _dbrx_experts() -> tuple[torch.nn.Module, int]:
    config = DbrxConfig().ffn_config
    config.hidden_size, config.ffn_hidden_size, config.moe_num_experts = 8, 6, 4
    return dbrx.DbrxExperts(config), 4


def _longcat_experts() -> tuple[torch.nn.Module, int]:
    sizes = {"hidden_size": 8, "expert_ffn_hidden_size": 6, "n_routed_experts": 3, "zero_expert_num": 2}
    return longcat.LongcatFlashExperts(LongcatFlashConfig(**sizes)), 5


@pytest.mark.parametrize("made", [_dbrx_experts, _longcat_experts])
def test_experts_with_loops_of_their_own_answer_alike(
    made: Callable[[], tuple[torch.nn.Module, int]],
) -> None:
    torch.manual_seed(0)
    experts, count = made()
    for weights in experts.parameters():
        torch.nn.init.normal_(weights)
    hidden, chosen = torch.randn(7, 8), torch.stack([torch.randperm(count)[:2] for _ in range(7)])
    with torch.no_grad():
        shares = torch.rand(7, 2)
        usual = experts(hidden, chosen, shares)
        with rewrites.traced():
            rewritten = experts(hidden, chosen, shares)
    # Sums of the same products in another order: float32 rounds each at 1e-7 of some hundred.
    assert torch.allclose(usual.reshape(7, 8), rewritten.reshape(7, 8), rtol=0, atol=1e-4)


def test_a_truth_value_is_scattered() -> None:
    mask, places = torch.ones(2, 4, dtype=torch.bool), torch.tensor([[1], [3]])
    want = mask.scatter(-1, places, False)
    with rewrites.traced():
        assert torch.equal(mask.scatter(-1, places, False), want)


def test_pieces_cut_by_what_a_tensor_tells_are_those_of_pytorch() -> None:
    tensor, sizes = torch.arange(12.0).reshape(6, 2), torch.tensor([1, 0, 3, 2])
    want = tensor.split(sizes.tolist())
    with rewrites.traced():
        got = tensor.split(sizes.tolist())
    assert [each.tolist() for each in got] == [each.tolist() for each in want]


def test_an_empty_tensor_of_one_axis_is_left_out_where_tensors_are_joined() -> None:
    tensor = torch.arange(6.0).reshape(1, 2, 3)
    with rewrites.traced():
        assert torch.equal(
            torch.cat([torch.tensor([]), tensor, tensor], dim=-2), torch.cat([tensor, tensor], dim=1)
        )
        assert torch.cat([torch.tensor([]), torch.tensor([1.0])]).tolist() == [1.0]


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("axis", [1, -1])
def test_windows_are_those_of_pytorch(axis: int, step: int) -> None:
    tensor = torch.arange(40.0).reshape(2, 5, 4)
    want = tensor.unfold(axis, 3, step)
    with rewrites.traced():
        assert torch.equal(tensor.unfold(axis, 3, step), want)


class _Repeated(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    """Weights by place of a mask of nothing but ones, repeated as often as there are heads (yoso's attention)."""

    def forward(self, vectors: Any) -> tuple[Any]:
        split = vectors.view(vectors.shape[0], -1, 4, 2).transpose(1, 2)
        rows, heads, places, _ = split.size()
        mask = 1.0 + torch.ones(vectors.shape[:-1]) / 2
        repeated = mask.unsqueeze(1).repeat_interleave(heads, dim=1).reshape(rows * heads, places)
        return (split.reshape(rows * heads, places, 2) * repeated.int()[:, :, None],)


def test_repeats_by_a_size_that_is_traced_are_as_many_at_every_size() -> None:
    traced = Traced(
        graph=_Repeated(),
        inputs=("vectors",),
        outputs=("found",),
        tensors=(torch.randn(2, 3, 8),),
        open_axes=((0, 1),),
        others=((torch.randn(3, 5, 8),), (torch.randn(1, 1, 8),)),
        config=None,
    )
    assert (
        converted(traced, "convert_model")[1] == "convert_model"
    )  # which compares with PyTorch at all of them
