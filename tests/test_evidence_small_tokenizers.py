"""Small tokenizers of generated tests: what they know, hide and do not know, as transformers reads them again."""

from __future__ import annotations

from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest

transformers = pytest.importorskip("transformers")

from ipfs_accelerate_py.evidence.given import counting  # noqa: E402
from ipfs_accelerate_py.evidence.tiny import MASK, TEXTS, trained  # noqa: E402

STRANGE = "This example is vexing."


@pytest.mark.parametrize("name", ["RemBertTokenizer", "XLMRobertaTokenizer", "XGLMTokenizer"])
def test_what_it_does_not_know_is_the_same_token_when_it_is_loaded_again(name: str, tmp_path: Path) -> None:
    tokenizer = trained(getattr(transformers, name))
    tokenizer.save_pretrained(tmp_path)
    library = tokenizer.backend_tokenizer
    again: Any = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in (*TEXTS, STRANGE):
        assert again(text)["input_ids"] == library.encode(text).ids
    assert again.decode(again(TEXTS[0])["input_ids"], skip_special_tokens=True).strip() == TEXTS[0]


@pytest.mark.parametrize("name", ["SeamlessM4TTokenizer", "MBartTokenizer", "NllbTokenizer"])
def test_a_text_stands_between_its_language_and_its_end_as_when_it_is_loaded_again(
    name: str, tmp_path: Path
) -> None:
    tokenizer = trained(getattr(transformers, name))
    tokenizer.save_pretrained(tmp_path)
    again: Any = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in TEXTS:
        assert again(text)["input_ids"] == tokenizer.backend_tokenizer.encode(text).ids


def test_one_that_begins_texts_and_hides_no_words_knows_every_letter() -> None:
    tokenizer = trained(transformers.XGLMTokenizer)
    assert set(ascii_lowercase) <= set(tokenizer.get_vocab())


def test_one_without_a_token_for_hidden_words_is_given_one_where_words_are_hidden() -> None:
    assert trained(transformers.ReformerTokenizer).mask_token is None
    tokenizer = trained(transformers.ReformerTokenizer, masks=True)
    ids = tokenizer(f"A {MASK} sat.")["input_ids"]
    assert ids.count(tokenizer.mask_token_id) == 1
    assert max(ids) < len(tokenizer)


@pytest.mark.parametrize(("known", "count"), [(64, 256), (512, 512)])
def test_places_of_tokens_are_as_many_as_the_small_model_says_at_least(known: int, count: int) -> None:
    tiny = {"text_config": {"max_position_embeddings": known, "vocab_size": 512}}
    found = counting(tiny, "text_config.max_position_embeddings", 256)
    assert found["text_config"]["max_position_embeddings"] == count
    assert counting(tiny, "text_config.vocab_size", 200)["text_config"]["vocab_size"] == 200
