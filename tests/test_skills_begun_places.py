"""Places of tokens are those of transformers where pictures and sounds begin with a token of their own."""

from __future__ import annotations

from types import MethodType, SimpleNamespace
from typing import Any

import pytest
import torch
from transformers.models.qwen2_5_omni import modeling_qwen2_5_omni as whole
from transformers.models.qwen3_omni_moe import modeling_qwen3_omni_moe as real

from ipfs_accelerate_py.skills import rewrites

WORD, PICTURE, SOUND, SEEN, HEARD, END = 20, 3, 5, 6, 7, 8
# Of two texts: a film of three frames is given as a picture, too.
GRIDS = torch.tensor([[1, 4, 6], [1, 2, 8], [1, 6, 2], [3, 2, 4]])
FRAMES = torch.tensor([40, 77])
KINDS = [
    whole.Qwen2_5OmniPreTrainedModelForConditionalGeneration,
    real.Qwen3OmniMoePreTrainedModelForConditionalGeneration,
]


def model(kind: Any) -> Any:
    config = SimpleNamespace(
        image_token_id=PICTURE,
        video_token_id=4,
        audio_token_id=SOUND,
        vision_start_token_id=SEEN,
        audio_start_token_id=HEARD,
        position_id_per_seconds=25,
        seconds_per_chunk=2,
        audio_config=SimpleNamespace(n_window=50),
    )
    own = SimpleNamespace(spatial_merge_size=2, config=config)
    own.get_llm_pos_ids_for_vision = MethodType(kind.get_llm_pos_ids_for_vision, own)
    return own


def heard(kind: Any, place: int) -> list[int]:
    frames = int(FRAMES[place])
    if kind is KINDS[0]:
        return [HEARD, *[SOUND] * (((frames - 1) // 2 + 1 - 2) // 2 + 1), END]
    count = real._get_feat_extract_output_lengths(torch.tensor(frames), 50)
    return [HEARD, *[SOUND] * int(count), END]


def seen(place: int) -> list[int]:
    return [SEEN, *[PICTURE] * (int(GRIDS[place].prod()) // 4), END]


def texts(kind: Any, gap: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the ids and the mask of two texts, filled up on either side, with a hole of `gap` in the first."""
    rows = [
        [WORD] * 3 + seen(0) + [WORD] + heard(kind, 0) + [WORD] * 2 + seen(1),
        seen(2) + [WORD] + heard(kind, 1) + seen(3) + [WORD] * 5,
    ]
    longest = max(map(len, rows)) + 2 + gap
    ids, mask = torch.zeros(2, 2, longest, dtype=torch.long)
    for number, row in enumerate(rows):
        at = torch.arange(len(row)) + (longest - len(row) if number else 0)
        at[4:] += 0 if number else gap  # behind the begin of the first picture
        ids[number, at] = torch.tensor(row)
        mask[number, at] = 1
    return ids, mask


@pytest.mark.parametrize("gap", [0, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_places_are_counted(kind: Any, gap: int) -> None:
    ids, mask = texts(kind, gap)
    own = model(kind)
    usual = kind.get_rope_index(own, ids, GRIDS, None, mask, False, FRAMES)
    with rewrites.traced():
        found = kind.get_rope_index(own, ids, GRIDS, None, mask, False, FRAMES)
    for one, other in zip(usual, found, strict=True):
        assert torch.equal(one, other)
        assert one.dtype == other.dtype
    assert not torch.equal(usual[0][0], usual[0][1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_without_a_begin_is_counted_word_by_word(kind: Any) -> None:
    ids = torch.tensor([[WORD, PICTURE, PICTURE, WORD, SOUND]])
    mask = torch.tensor([[1, 1, 1, 0, 1]])
    with rewrites.traced():
        places, _ = kind.get_rope_index(model(kind), ids, GRIDS, None, mask)
    assert places[:, 0, mask[0] == 1].tolist() == [[0, 1, 2, 3]] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_without_pictures_is_left_to_transformers(kind: Any) -> None:
    ids = torch.tensor([[WORD, WORD, SOUND]])
    mask = torch.ones_like(ids)
    usual = kind.get_rope_index(model(kind), ids, None, None, mask)
    with rewrites.traced():
        found = kind.get_rope_index(model(kind), ids, None, None, mask)
    assert all(torch.equal(one, other) for one, other in zip(usual, found, strict=True))
