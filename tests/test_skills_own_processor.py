"""A task that takes arrays takes a text with pictures as well, which the checkpoint's own processor makes them of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py import load
from ipfs_accelerate_py.errors import CheckpointError, InputError, UnknownName
from ipfs_accelerate_py.evidence.processors import Processing, asked, own
from ipfs_accelerate_py.evidence.tiny import saved
from ipfs_accelerate_py.skills.own_processor import reading, without_films
from ipfs_accelerate_skills import hf_glm4v

TASK = "image-text-to-text"
PICTURE = "<image>"
PROCESSING = Processing(
    processor="Glm4vProcessor",
    image_processor="Glm4vImageProcessorPil",
    takes=("text", "images"),
    prompt=PICTURE,
)
TINY = {
    "text_config": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "initializer_range": 0.3,
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10000.0},
    },
    "vision_config": {
        "depth": 2,
        "hidden_size": 32,
        "out_hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 4,
        "patch_size": 8,
        "image_size": 32,
    },
}
CHAT = (
    "{% for message in messages %}{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    + PICTURE
    + "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small random checkpoint with transformers' own processor, made and saved without torchvision."""
    from transformers import Glm4vConfig, Glm4vForConditionalGeneration

    made = own(
        PROCESSING,
        TINY,
        Glm4vConfig,
        vocabulary="text_config.vocab_size",
        places="text_config.max_position_embeddings",
    )
    made.processor.chat_template = CHAT
    config = Glm4vConfig(**made.config)
    found = tmp_path_factory.mktemp("glm4v")
    saved(found, lambda: Glm4vForConditionalGeneration(config), [made.processor])
    return found


@pytest.fixture(scope="module")
def handler(folder: Path) -> Any:
    return load(str(folder), TASK, "cpu")


@pytest.fixture
def items() -> tuple[dict[str, Any], ...]:
    return asked(PROCESSING)


def test_a_text_with_a_picture_is_answered_as_the_arrays_that_the_processor_makes_of_them(
    folder: Path, handler: Any, items: tuple[dict[str, Any], ...]
) -> None:
    """The arrays of the other handler are made here, by transformers' face alone."""
    from PIL import Image
    from transformers import Glm4vProcessor

    processor = without_films(Glm4vProcessor).from_pretrained(folder)
    plain = hf_glm4v.SKILL.load(handler_checkpoint(folder), TASK, "cpu")
    for item in items:
        made = processor(
            text=[item["text"]],
            images=[Image.fromarray(each) for each in item["images"]],
            return_tensors="np",
        )
        arrays = {
            "input_ids": made["input_ids"][0],
            "pixel_values": made["pixel_values"],
            "image_grid_thw": made["image_grid_thw"],
        }
        want = plain(arrays, max_new_tokens=6)["tokens"]
        assert handler(item, max_new_tokens=6)["tokens"] == want
        assert handler(arrays, max_new_tokens=6)["tokens"] == want  # and arrays are taken as before
        assert "notice" not in handler(item, max_new_tokens=6)  # this type's is proved
    first, second = (handler(each, max_new_tokens=6)["tokens"] for each in items)
    assert first != second


def handler_checkpoint(folder: Path) -> Any:
    from ipfs_accelerate_py.skills import Checkpoint

    return Checkpoint(str(folder))


def test_several_are_answered_as_each_alone_and_pictures_come_from_files_too(
    handler: Any, items: tuple[dict[str, Any], ...], tmp_path: Path
) -> None:
    from PIL import Image

    path = tmp_path / "picture.png"
    Image.fromarray(items[1]["images"][0]).save(path)
    mixed = [items[0], {**items[1], "images": str(path)}]
    together = handler(mixed, max_new_tokens=6)
    for item, answer in zip(items, together, strict=True):
        alone = handler(item, max_new_tokens=6)
        assert answer["tokens"] == alone["tokens"]
        assert isinstance(alone["text"], str)


def test_messages_are_worded_by_the_checkpoint_s_chat_template(
    handler: Any, items: tuple[dict[str, Any], ...]
) -> None:
    text = items[0]["text"].removeprefix(PICTURE)
    content = [{"type": "image"}, {"type": "text", "text": text}]
    told = {"messages": [{"role": "user", "content": content}], "images": items[0]["images"]}
    assert handler(told, max_new_tokens=6)["tokens"] == handler(items[0], max_new_tokens=6)["tokens"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"text": PICTURE * 2 + " Rain."}, r"Glm4vProcessor refuses it"),
        ({"text": "  "}, r"text is '  '"),
        ({"image": []}, r"did you mean 'images'"),
        ({"text": "Rain.", "messages": []}, r"has text and messages"),
        ({"text": f"{PICTURE} Rain.", "images": "nowhere.png"}, r"nowhere\.png: no such image file"),
        ({"text": "Rain.", "audio": np.zeros(100, np.float32)}, r"Glm4vProcessor takes none of"),
    ],
)
def test_what_the_processor_cannot_take_is_a_clear_error_that_says_which(
    wrong: dict[str, Any], words: str, handler: Any, items: tuple[dict[str, Any], ...]
) -> None:
    item = {**items[0], **wrong} if set(wrong) <= {"text"} else wrong
    with pytest.raises((InputError, UnknownName), match=words):
        handler(item, max_new_tokens=1)
    with pytest.raises(InputError, match=r"^input 1: "):
        handler([items[0], item], max_new_tokens=1)


def test_an_answer_says_that_its_processor_is_not_proved_and_what_went_unused(
    folder: Path, items: tuple[dict[str, Any], ...]
) -> None:
    plain = hf_glm4v.SKILL.load(handler_checkpoint(folder), TASK, "cpu")
    answer = reading(plain, handler_checkpoint(folder), proved=False)(items[0], max_new_tokens=1)
    assert "not proved" in answer["notice"]
    assert "mm_token_type_ids went unused" in answer["notice"]


def test_a_checkpoint_without_a_processor_says_what_is_missing_and_answers_arrays(
    folder: Path, handler: Any, items: tuple[dict[str, Any], ...], tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare)
    (bare / "processor_config.json").unlink()
    without = load(str(bare), TASK, "cpu")
    with pytest.raises(CheckpointError, match=r"Glm4vProcessor cannot be loaded.*processor_config\.json"):
        without(items[0], max_new_tokens=1)
    sample = {"input_ids": np.arange(10, 15)}
    assert without(sample, max_new_tokens=2)["tokens"] == handler(sample, max_new_tokens=2)["tokens"]


def test_a_processor_that_was_made_without_films_keeps_its_settings(tmp_path: Path) -> None:
    """InternVL's has one for the number of tokens of a picture, and a part for films that needs torchvision."""
    from transformers import InternVLConfig, InternVLProcessor

    tiny = {
        "vision_config": {"image_size": [32, 32], "patch_size": [8, 8]},
        "text_config": {"model_type": "qwen2"},
    }
    told = Processing("InternVLProcessor", "GotOcr2ImageProcessorPil", settings={"image_seq_length": 5})
    made = own(told, tiny, InternVLConfig, vocabulary="text_config.vocab_size", places="")
    made.processor.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "processor_config.json").read_text())["image_seq_length"] == 5
    again = without_films(InternVLProcessor).from_pretrained(tmp_path)
    assert again.image_seq_length == 5
    assert again.image_token == made.processor.image_token
