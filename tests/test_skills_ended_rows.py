"""Towers that end rows, shrink squares or see parts answer the same where they look up the patches of all pictures."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import HunYuanVLVisionConfig, HunYuanVLVisionTransformer
from transformers.models.deepseek_ocr2.modeling_deepseek_ocr2 import DeepseekOcr2Model
from transformers.models.kimi_k25 import modeling_kimi_k25 as kimi
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextModel
from transformers.models.step3p7.modeling_step3p7 import Step3p7Model
from transformers.models.unlimited_ocr.modeling_unlimited_ocr import UnlimitedOcrModel
from transformers.models.video_llama_3.modeling_video_llama_3 import VideoLlama3VisionModel

from ipfs_accelerate_py.skills import rewrites

GRIDS = [torch.tensor([[1, 4, 4]]), torch.tensor([[1, 4, 8], [1, 12, 4], [1, 4, 4]])]


def both(run: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what `run` gives as PyTorch runs it, and while the rewrites hold."""
    with torch.no_grad():
        usual = run()
        with rewrites.traced():
            return usual, run()


def alike(usual: torch.Tensor, rewritten: torch.Tensor) -> bool:
    # The same products in another order: float32 rounds each at 1e-7.
    return bool(usual.shape == rewritten.shape and torch.allclose(usual, rewritten, rtol=0, atol=1e-5))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("grids", GRIDS, ids=len)
def test_rows_of_vectors_end_and_pictures_begin_and_close(grids: torch.Tensor) -> None:
    config = HunYuanVLVisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        patch_size=4,
        max_image_size=24,
        spatial_merge_size=2,
        text_hidden_size=8,
    )
    tower = HunYuanVLVisionTransformer(config).eval()
    for weight in (each for name, each in tower.patch_merger.named_parameters() if "image_" in name):
        torch.nn.init.normal_(weight)
    patches = torch.randn(int(grids.prod(1).sum()), 3 * 4 * 4)
    for name in ("pooler_output", "last_hidden_state"):
        assert alike(*both(lambda: tower(patches, grid_thw=grids)[name]))  # noqa: B023 - run at once


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_squares_are_shrunk_to_their_middle(side: int) -> None:
    grids = torch.tensor([[1, 2, 3], [2, 1, 2], [1, 4, 4]]) * torch.tensor([1, side, side])
    sides = torch.full((3,), side)
    states = torch.randn(int(grids.prod(1).sum()), 6)
    assert alike(
        *both(lambda: VideoLlama3VisionModel.pixel_unshuffle(SimpleNamespace(), states, grids, sides))
    )


def test_pictures_may_be_shrunk_more_or_less() -> None:
    grids, sides = torch.tensor([[1, 4, 2], [1, 4, 4]]), torch.tensor([1, 2])
    states = torch.randn(24, 6)
    assert alike(
        *both(lambda: VideoLlama3VisionModel.pixel_unshuffle(SimpleNamespace(), states, grids, sides))
    )


@pytest.mark.parametrize("frames", [1, 3])
def test_patches_are_merged_across_frames(frames: int) -> None:
    for grids in GRIDS:
        clips = grids * torch.tensor([frames, 1, 1])
        usual, rewritten = both(partial(_merged, clips))
        assert torch.equal(usual, rewritten)


def test_tokens_of_pictures_take_their_own_vector() -> None:
    states, mask = torch.randn(2, 5, 3), torch.tensor([[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]]).bool()
    vectors = torch.randn(4, 3)
    process = Qwen3VLTextModel._deepstack_process
    assert torch.equal(*both(lambda: _process(states, mask, vectors)))
    assert torch.equal(*both(lambda: _process(states, torch.zeros_like(mask), vectors[:0])))
    assert Qwen3VLTextModel._deepstack_process is process


def _merged(grids: torch.Tensor) -> Any:
    return kimi.get_vision_temporal_merge_index(grids, 2, 2)


def _process(*given: torch.Tensor) -> Any:
    return Qwen3VLTextModel._deepstack_process(None, *given)


def _seeing(pixels: torch.Tensor, **_: Any) -> Any:
    return SimpleNamespace(last_hidden_state=pixels, hidden_states=None, attentions=None)


def _model(kind: Any) -> Any:
    """Return what has the parts that the method of `kind` asks for, and is defined where it is."""
    return type("Seeing", (SimpleNamespace,), {"__module__": kind.__module__})(
        vision_tower=_seeing,
        vision_model=_seeing,
        multi_modal_projector=lambda states: 2 * states,
        view_separator=torch.randn(6),
        image_newline=torch.randn(6),
    )


@pytest.mark.parametrize("kind", [DeepseekOcr2Model, Step3p7Model])
def test_parts_of_a_picture_come_before_all_of_it(kind: Any) -> None:
    model, views, counts = _model(kind), torch.randn(3, 9, 6), torch.tensor([2, 1, 3])
    parts = torch.randn(6, 4, 6)

    def features(*given: Any) -> torch.Tensor:
        now = kind.get_image_features
        return torch.cat(list(getattr(now, "__wrapped__", now)(model, views, *given).pooler_output))

    assert alike(*both(lambda: features(parts, counts)))
    assert alike(*both(lambda: features(parts, counts.tolist())))
    assert alike(*both(features))
    moved = both(lambda: features(parts, counts.flip(0)))
    assert alike(*moved)
    assert not torch.equal(moved[0], features(parts, counts))


def test_a_row_of_a_whole_picture_ends() -> None:
    model, views = _model(UnlimitedOcrModel), torch.randn(3, 9, 6)

    def features(*given: Any) -> torch.Tensor:
        now = UnlimitedOcrModel.get_image_features
        return torch.cat(list(getattr(now, "__wrapped__", now)(model, views, *given).pooler_output))

    assert alike(*both(features))
    parts, counts, grids = torch.randn(6, 4, 6), [2, 1, 3], [[1, 2], [1, 1], [3, 1]]
    assert alike(*both(lambda: features(parts, counts, grids)))
