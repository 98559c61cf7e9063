"""Writing without a cache: what is read for each token, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills import Checkpoint, Place, Steps
from ipfs_accelerate_py.skills.arrays import Array, Batch
from ipfs_accelerate_py.skills.calls import WRITTEN, lengthened, reads
from ipfs_accelerate_py.skills.given import Given
from ipfs_accelerate_py.skills.rereading import PADDING, Rereader, WrittenInput, tokens

INPUTS = {
    "input_ids": Given("int64", sizes=(5,), vary=(0,), low=1, high=9),
    "pixel_values": Given("float32", sizes=(2,)),
}
WORDS = 12


def counted(batch: Batch) -> dict[str, Array]:
    """Return logits whose likeliest token is how many have been read, by a model that keeps nothing."""
    read = batch["input_ids"].shape[1] + batch[WRITTEN].shape[1]
    return {"logits": np.tile(np.eye(WORDS, dtype=np.float32)[read % WORDS], (len(batch["input_ids"]), 1))}


def handler(folder: Path, **config: Any) -> Rereader:
    (folder / "config.json").write_text(json.dumps({"model_type": "made_up", "places": 10, **config}))
    arrays = WrittenInput(Checkpoint(str(folder)), INPUTS, limit_field="places")
    steps = Steps(
        lambda items, _: arrays.examples(items),
        lambda _, rows, options: tokens(rows[0], options),
        arrays.sample,
        padding=PADDING,
        options=arrays.options,
        run=arrays.run,
    )
    return Rereader(task="a task", model="a model", steps=steps, forward=counted, place=Place("cpu", "cpu"))


def item(length: int) -> dict[str, Array]:
    return {"input_ids": np.ones(length, dtype=np.int64), "pixel_values": np.zeros(2, dtype=np.float32)}


def test_each_token_is_that_after_all_that_was_read_and_written(tmp_path: Path) -> None:
    assert handler(tmp_path)(item(4), max_new_tokens=3)["tokens"] == [4, 5, 6]


def test_rows_of_several_lengths_are_answered_as_each_alone(tmp_path: Path) -> None:
    asked = handler(tmp_path)
    items = [item(4), item(2), item(4)]
    assert [each["tokens"] for each in asked(items, max_new_tokens=2)] == [[4, 5], [2, 3], [4, 5]]


@pytest.mark.parametrize(("model_type", "segment"), [("paligemma", 1), ("gemma3", 0)])
def test_a_written_token_is_of_the_segment_that_its_class_says(model_type: str, segment: int) -> None:
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForImageTextToText
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = AutoModelForImageTextToText._model_mapping[CONFIG_MAPPING[model_type]]
    model = kind.__new__(kind)  # nothing of it is asked but its class
    read = {"input_ids": torch.tensor([[5, 6]]), "token_type_ids": torch.tensor([[0, 0]])}
    found = lengthened(model, read, torch.tensor([[7]]))
    assert found["input_ids"].tolist() == [[5, 6, 7]]
    assert found["token_type_ids"].tolist() == [[0, 0, segment]]


def test_no_more_is_written_than_there_are_places_for(tmp_path: Path) -> None:
    assert handler(tmp_path)(item(8), max_new_tokens=5)["tokens"] == [8, 9]


def test_a_token_that_ends_a_text_ends_it(tmp_path: Path) -> None:
    assert handler(tmp_path, eos_token_id=5)(item(4), max_new_tokens=6)["tokens"] == [4, 5]


def test_a_token_that_stands_for_a_picture_is_not_written(tmp_path: Path) -> None:
    assert 4 not in handler(tmp_path, image_token_id=4)(item(4), max_new_tokens=1)["tokens"]


def test_a_text_without_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^input 1: .* takes 10"):
        handler(tmp_path)([item(4), item(10)])


def test_a_sample_has_written_different_numbers_of_tokens(tmp_path: Path) -> None:
    first, second = handler(tmp_path).steps.sample
    assert len(first[WRITTEN]) != len(second[WRITTEN])


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("input_features", "attention_mask", "decoder_input_ids"), "decoder_input_ids"),
        (("input_ids", "pixel_values"), "input_ids"),
        (("attention_mask", "inputs_embeds"), "inputs_embeds"),
    ],
)
def test_what_is_continued_is_the_decoders_text(names: tuple[str, ...], text: str) -> None:
    assert reads(names) == text
