"""Small tokenizers of classes that know no tokenizer.json: they know the words of the tests, and survive saving."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ipfs_accelerate_py.evidence.tiny import TEXTS, trained
from ipfs_accelerate_py.evidence.vocabularies import small

NAMES = (
    "BlenderbotSmallTokenizer",
    "CTRLTokenizer",
    "EsmTokenizer",
    "GPTNeoXJapaneseTokenizer",
    "PerceiverTokenizer",
    "ProphetNetTokenizer",
    "RoCBertTokenizer",
    "VitsTokenizer",
)


def made(name: str) -> Any:
    import transformers

    return small(getattr(transformers, name))


@pytest.mark.parametrize("name", NAMES)
def test_it_knows_every_letter_and_is_the_same_when_it_is_loaded_again(name: str, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = made(name)
    ids = [tokenizer(text)["input_ids"] for text in TEXTS]
    unknown = [place for each in ids for place in each if place == tokenizer.unk_token_id]
    assert len(unknown) <= sum(text.count(",") for text in TEXTS)  # a comma parts what one file says
    assert len({tuple(each) for each in ids}) == len(TEXTS)
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert type(again).__name__ == name
    assert [again(text)["input_ids"] for text in TEXTS] == ids


def test_words_are_joined_of_pieces() -> None:
    tokenizer = made("CTRLTokenizer")
    assert len(tokenizer("the")["input_ids"]) == 1
    assert len(tokenizer("unbelievably")["input_ids"]) > 1


def test_what_is_said_of_pieces_beside_their_places_is_shared_by_many() -> None:
    """A small model has as many looks and sounds as its configuration says, and that is fewer than pieces."""
    tokenizer = made("RoCBertTokenizer")
    assert max(tokenizer.word_shape.values()) < max(tokenizer.word_pronunciation.values()) + 1 <= 64


def test_a_file_that_nobody_wrote_is_refused() -> None:
    class Strange:
        vocab_files_names = {"vocab_file": "spiece.model"}  # noqa: RUF012 - as transformers has it

        def __init__(self, vocab_file: str) -> None:
            raise AssertionError("it is not reached")

    with pytest.raises(LookupError, match=r"file vocab_file that ends in \.model"):
        small(Strange)


def test_pegasus_finds_the_token_of_what_it_does_not_know_behind_the_first(tmp_path: Path) -> None:
    """Its class takes neither its own empty vocabulary nor one that the library trains."""
    from tokenizers import Tokenizer
    from transformers import PegasusTokenizer

    tokenizer = trained(PegasusTokenizer)
    tokenizer.save_pretrained(tmp_path)
    library = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert library.encode(TEXTS[0]).ids == tokenizer(TEXTS[0])["input_ids"]
    assert tokenizer.unk_token_id not in tokenizer(TEXTS[0])["input_ids"]
    assert tokenizer("~")["input_ids"][-2] == tokenizer.unk_token_id
