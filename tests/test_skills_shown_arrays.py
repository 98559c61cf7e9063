"""Texts whose pictures come as arrays: what is taken, what is refused, and how arrays become vectors of the text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.evidence.tiny import trained
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.pictured import PLACES
from ipfs_accelerate_py.skills.shown_arrays import COUNT, ShownText
from ipfs_accelerate_py.skills.shown_sizes import PATCHES, WHOLE, Sizes
from ipfs_accelerate_py.skills.text import TextInput

TOKEN = 3
CONFIG = {
    "model_type": "any",
    "image_token_index": TOKEN,
    "vision_config": {"image_size": 8, "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 2},
}
PIXELS = np.zeros((2, 3, 8, 8), dtype=np.float32)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    from transformers import TokenizersBackend

    folder = tmp_path_factory.mktemp("checkpoint")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    trained(TokenizersBackend).save_pretrained(folder)
    return Checkpoint(str(folder))


def asked(checkpoint: Checkpoint, names: tuple[str, ...] = ("pixel_values",), **more: Any) -> ShownText:
    ports = {name: (WHOLE if names == ("pixel_values",) else PATCHES)[name] for name in names}
    text = TextInput(checkpoint, names=("input_ids", "attention_mask"), limit_field="")
    return ShownText(
        checkpoint, text, ports, Sizes(checkpoint, ports, side_field="vision_config.image_size"), **more
    )


def test_the_tokens_of_pictures_are_marked_and_the_pictures_counted(checkpoint: Checkpoint) -> None:
    item = {"input_ids": [[9, TOKEN, TOKEN, 8]], "pixel_values": PIXELS}
    [example] = asked(checkpoint).examples([item], {})
    [row] = example.rows
    assert row[PLACES].tolist() == [0, 1, 1, 0]
    assert row[COUNT + "pixel_values"] == 2


def test_nested_pictures_lose_the_axis_of_texts(checkpoint: Checkpoint) -> None:
    item = {"input_ids": [9, TOKEN], "pixel_values": PIXELS[np.newaxis]}
    [example] = asked(checkpoint, nested=True).examples([item], {})
    assert example.rows[0]["pixel_values"].shape == PIXELS.shape


def test_turned_tokens_stand_where_the_grid_of_their_picture_puts_them(checkpoint: Checkpoint) -> None:
    text = asked(checkpoint, ("pixel_values", "image_grid_thw"), turned=True)
    patches = np.zeros((8, 3 * 2 * 4 * 4), dtype=np.float32)
    item = {"input_ids": [9, TOKEN, TOKEN, 8], "pixel_values": patches, "image_grid_thw": [[1, 2, 4]]}
    [example] = text.examples([item], {})
    assert example.rows[0]["position_ids"].tolist() == [[0, 0, 0], [1, 1, 1], [1, 1, 2], [3, 3, 3]]


@pytest.mark.parametrize(
    "wrong",
    [
        "no arrays",
        {"pixel_values": PIXELS},
        {"input_ids": [9, TOKEN]},
        {"input_ids": [9, 8], "pixel_values": PIXELS},
        {"input_ids": [9, TOKEN], "pixel_values": PIXELS[..., :4]},
        {"input_ids": [9, TOKEN], "pixel_values": PIXELS[0]},
        {"input_ids": [9, TOKEN], "pixel_values": PIXELS.astype(str)},
        {"input_ids": [9, TOKEN], "pixel_values": [[1.0], [1.0, 2.0]]},
        {"input_ids": [9, TOKEN], "pixel_values": PIXELS, "sounds": [1]},
    ],
)
def test_what_does_not_fit_is_refused_with_its_index(wrong: object, checkpoint: Checkpoint) -> None:
    right = {"input_ids": [9, TOKEN], "pixel_values": PIXELS}
    with pytest.raises(InputError) as caught:
        asked(checkpoint).examples([right, wrong], {})
    assert caught.value.index == 1


def test_a_sample_needs_no_model_to_count_its_tokens(checkpoint: Checkpoint) -> None:
    for text in (asked(checkpoint), asked(checkpoint, ("pixel_values", "image_grid_thw"), turned=True)):
        first, second = text.examples(text.sample, {})
        assert first.rows[0].keys() == second.rows[0].keys()
        assert first.rows[0]["input_ids"].size != second.rows[0]["input_ids"].size
