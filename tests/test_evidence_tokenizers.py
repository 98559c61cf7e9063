"""The small tokenizers that tests are made with know words, whatever kind of tokenizer the class is."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import transformers
from transformers import AutoTokenizer

from ipfs_accelerate_py.evidence.tiny import TEXTS, side, special_ids, trained, widened

# Pieces of words, pairs of bytes, pairs that fall back to bytes, SentencePiece's likeliest, and one that has no class.
_KINDS = (
    "BertTokenizer",
    "GPT2Tokenizer",
    "GemmaTokenizer",
    "LlamaTokenizer",
    "BigBirdTokenizer",
    "TokenizersBackend",
)


@pytest.fixture(params=_KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return trained(getattr(transformers, request.param))


def test_longer_texts_have_more_tokens(tokenizer: Any) -> None:
    lengths = [len(ids) for ids in tokenizer(list(TEXTS))["input_ids"]]
    assert lengths[1] > lengths[0] > lengths[2]


def test_it_is_the_same_after_it_was_saved(tokenizer: Any, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that it renames; the tokens are compared
        again = AutoTokenizer.from_pretrained(tmp_path)
    assert again(list(TEXTS))["input_ids"] == tokenizer(list(TEXTS))["input_ids"]


def test_a_configuration_is_told_of_no_token_that_is_not_there(tokenizer: Any) -> None:
    assert None not in special_ids(tokenizer).values()


def test_a_type_without_a_class_of_its_own_gets_a_token_for_hidden_words() -> None:
    tokenizer = trained(transformers.TokenizersBackend, masks=True)
    assert None not in (tokenizer.mask_token_id, tokenizer.pad_token_id)
    assert trained(transformers.TokenizersBackend).pad_token_id is None


def test_such_a_type_gets_a_token_that_ends_each_text_where_texts_are_judged_by_it() -> None:
    tokenizer = trained(transformers.TokenizersBackend, ends=True)
    assert [ids[-1] for ids in tokenizer(list(TEXTS))["input_ids"]] == [tokenizer.eos_token_id] * len(TEXTS)


def test_a_picture_is_as_small_as_the_shorter_side_that_a_configuration_says() -> None:
    config = SimpleNamespace(vision_config=SimpleNamespace(image_size=[48, 32]), size=16)
    assert (side(config, "vision_config.image_size"), side(config, "size")) == (32, 16)


def test_every_part_is_told_how_many_tokens_there_are() -> None:
    tiny = {"decoder_vocab_size": 128, "encoder": {"vocab_size": 128, "type_vocab_size": 2}, "decoder": {}}
    assert widened(tiny, "decoder.vocab_size", 300) == {
        "decoder_vocab_size": 300,
        "encoder": {"vocab_size": 300, "type_vocab_size": 2},
        "decoder": {"vocab_size": 300},
    }
