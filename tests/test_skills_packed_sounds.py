"""Pieces and windows of packed sounds that are counted in tensors are those that transformers cuts by loops."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.qwen2_5_omni import modeling_qwen2_5_omni as qwen2
from transformers.models.qwen3_asr import modeling_qwen3_asr as asr
from transformers.models.qwen3_omni_moe import modeling_qwen3_omni_moe as qwen3

from ipfs_accelerate_py.skills.packed_sounds import by_length

_LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=3)


@given(_LENGTHS, st.integers(1, 6))
def test_pieces_are_those_of_transformers(lengths: list[int], half: int) -> None:
    sounds = torch.arange(2.0 * sum(lengths)).reshape(2, -1)
    want = qwen2.chunk_and_pad_features(sounds, torch.tensor(lengths), half)
    with by_length():
        got = qwen3.chunk_and_pad_features(sounds, torch.tensor(lengths), half)
    assert torch.equal(got[0], want[0])
    assert torch.equal(got[1], want[1])


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_what_is_sound_in_each_piece_is_what_transformers_says(lengths: list[int]) -> None:
    want = qwen2.get_valid_indices(torch.tensor(lengths)), qwen3.get_valid_indices(torch.tensor(lengths), 20)
    with by_length():
        got = qwen2.get_valid_indices(torch.tensor(lengths)), qwen3.get_valid_indices(
            torch.tensor(lengths), 20
        )
    assert torch.equal(got[0], want[0])
    assert torch.equal(got[1], want[1])


@pytest.mark.parametrize("module", [asr, qwen3])
@given(_LENGTHS, st.sampled_from([4, 20, 50]), st.integers(1, 3))
def test_windows_begin_where_those_of_transformers_do(
    module: ModuleType, lengths: list[int], half: int, pieces: int
) -> None:
    sounds = torch.tensor(lengths)
    cut = qwen2.chunk_and_pad_features(torch.zeros(1, sum(lengths)), sounds, half)[1]
    want = module.get_audio_cu_seqlens(cut, sounds, half * 2 * pieces, half)
    with by_length():
        got = module.get_audio_cu_seqlens(cut, sounds, half * 2 * pieces, half)
    assert torch.equal(got, want)


def test_a_length_that_the_caller_knows_is_taken() -> None:
    known = {"padded_feature": torch.zeros(1), "chunk_lengths": torch.ones(1), "cu_seqlens": torch.ones(2)}
    with by_length():
        pieces = qwen3.chunk_and_pad_features(torch.zeros(2, 4), torch.tensor([4]), 2, known)
        starts = qwen3.get_audio_cu_seqlens(torch.tensor([4]), torch.tensor([4]), 4, 2, known)
    assert (pieces[0].numel(), pieces[1].numel(), starts.numel()) == (1, 1, 2)
