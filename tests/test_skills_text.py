"""Texts become the ids that transformers gives them, and what cannot be a text says why."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_checkpoints import bert, changed, minilm

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.evidence.tiny import TEXTS
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.text import NO_LIMIT, TextInput, texts_or_pairs

NAMES = ("input_ids", "attention_mask", "token_type_ids")
PIECES = [*" ".join(TEXTS).split(), "[MASK]", "[SEP]", "[PAD]", "##s"]
WORDS = st.text(min_size=1, max_size=80) | st.lists(st.sampled_from(PIECES)).map(" ".join)
NOT_EMPTY = WORDS.filter(str.strip)


def text_input(folder):
    return TextInput(Checkpoint(str(folder)), NAMES, "max_position_embeddings")


@pytest.fixture(scope="module")
def tiny():
    return text_input(bert())


@pytest.fixture(scope="module")
def theirs():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(bert())


def _equal(tokens, encoding):
    for name in NAMES:
        np.testing.assert_array_equal(tokens.arrays[name], encoding[name])


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(NOT_EMPTY, min_size=1, max_size=4))
def test_ids_masks_and_types_are_those_of_transformers(texts, tiny, theirs):
    for text, tokens in zip(texts, tiny.encode(texts), strict=True):
        _equal(tokens, theirs(text, truncation=True, max_length=tiny.limit))


@settings(max_examples=100, deadline=None)
@given(
    first=NOT_EMPTY, second=NOT_EMPTY, shorten=st.sampled_from(["longest_first", "only_second", "only_first"])
)
def test_pairs_are_cut_as_transformers_cuts_them(first, second, shorten, tiny, theirs):
    whole = len(theirs(first, second)["input_ids"])
    try:
        want = theirs(first, second, truncation=shorten, max_length=tiny.limit)
    except Exception:  # noqa: BLE001 - the tokenizers library raises nothing narrower
        want = None
    if want is None or len(want["input_ids"]) > tiny.limit:
        with pytest.raises(InputError, match=f"cannot be cut to the {tiny.limit} tokens"):
            tiny.encode([(first, second)], shorten=shorten)
        return
    (tokens,) = tiny.encode([(first, second)], shorten=shorten)
    _equal(tokens, want)
    assert (tokens.notice is not None) == (whole > tiny.limit)


@pytest.mark.parametrize("text", ["rain " * 100, "x" * 5000, "Zażółć gęślą jaźń 漢字 " * 20, "🙂" * 80])
def test_a_text_over_the_limit_is_cut_as_transformers_cuts_it_and_says_so(text, tiny, theirs):
    (tokens,) = tiny.encode([text])
    _equal(tokens, theirs(text, truncation=True, max_length=64))
    if len(theirs(text)["input_ids"]) > 64:
        assert (
            tokens.notice
            == f"truncated: {len(theirs(text)['input_ids'])} tokens, of which the checkpoint takes 64"
        )


def test_the_side_that_is_cut_is_the_checkpoints(tmp_path):
    from transformers import AutoTokenizer

    folder = changed(bert(), tmp_path / "left", tokenizer_config={"truncation_side": "left"})
    text = " ".join(TEXTS) * 3
    want = AutoTokenizer.from_pretrained(folder)(text, truncation=True, max_length=64)
    _equal(text_input(folder).encode([text])[0], want)
    assert list(text_input(bert()).encode([text])[0].ids) != want["input_ids"]


def test_a_cut_leaves_the_tokenizer_as_it_was(tiny):
    before = tiny.encode(["rain"])[0].ids
    tiny.encode(["rain " * 100])
    np.testing.assert_array_equal(tiny.encode(["rain"])[0].ids, before)


def test_a_checkpoint_with_a_vocabulary_alone_gives_the_ids_of_transformers(tmp_path):
    from transformers import AutoTokenizer

    for name in ("config.json", "tokenizer_config.json", "vocab.txt", "model.safetensors"):
        shutil.copy(minilm() / name, tmp_path)
    want = AutoTokenizer.from_pretrained(tmp_path)
    for text, tokens in zip(TEXTS, text_input(tmp_path).encode(TEXTS), strict=True):
        _equal(tokens, want(text))
    assert text_input(tmp_path).special_token("mask_token") == ("[MASK]", want.mask_token_id)


@pytest.mark.parametrize("kept", [["config.json"], ["config.json", "tokenizer_config.json"]])
def test_a_checkpoint_without_any_vocabulary_is_refused(kept, tmp_path):
    for name in kept:
        shutil.copy(bert() / name, tmp_path)
    with pytest.raises(
        CheckpointError, match=r"has no tokenizer: neither tokenizer\.json nor one of .*vocab\.txt"
    ):
        text_input(tmp_path).encode(["rain"])


@pytest.mark.parametrize("damage", ["", "{}", '{"model": 1}', "not JSON"])
def test_a_damaged_tokenizer_is_named(damage, tmp_path):
    (changed(bert(), tmp_path / "damaged") / "tokenizer.json").write_text(damage)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json: is no tokenizer: .*fetch the file again"):
        text_input(tmp_path / "damaged").encode(["rain"])


def test_the_real_minilm_takes_256_tokens_though_its_config_says_512():
    assert json.loads((minilm() / "config.json").read_text())["max_position_embeddings"] == 512
    text = text_input(minilm())
    assert text.limit == 256
    (tokens,) = text.encode(["rain " * 400])
    assert tokens.ids.size == 256
    assert tokens.notice == "truncated: 402 tokens, of which the checkpoint takes 256"


@pytest.mark.parametrize(
    ("config", "tokenizer", "limit"),
    [
        ({"max_position_embeddings": 40}, {}, 40),
        ({"max_position_embeddings": 40}, {"model_max_length": 30}, 30),
        ({"max_position_embeddings": 40}, {"model_max_length": int(1e30)}, 40),
        ({"max_position_embeddings": None}, {"model_max_length": int(1e30)}, NO_LIMIT),
        ({"max_position_embeddings": -1}, {"model_max_length": "many"}, NO_LIMIT),
        ({"max_position_embeddings": True}, {"model_max_length": float("inf")}, NO_LIMIT),
    ],
)
def test_the_limit_is_the_least_of_those_that_are_written(config, tokenizer, limit, tmp_path):
    folder = changed(bert(), tmp_path / "limited", config=config, tokenizer_config=tokenizer)
    assert text_input(folder).limit == limit


@pytest.mark.parametrize(
    ("item", "fact"),
    [
        (7, "is a int; this task takes a text"),
        (None, "is a NoneType; this task takes a text"),
        (b"rain", "is a bytes"),
        (["rain"], "is a list"),
        ("", "the text is empty"),
        (" \t\n", "the text is empty"),
        ("a \udcff b", "character 2 is half of a pair"),
        (("rain", 7), "is a int"),
        (("rain", ""), "the text is empty"),
    ],
)
def test_what_is_no_text_is_named_with_its_place(item, fact, tiny):
    with pytest.raises(InputError, match=f"input 1: {fact}") as caught:
        tiny.encode(["rain", item])
    assert caught.value.index == 1


@pytest.mark.parametrize("item", [{}, {"text": None}, {"text": "a", "other": "b"}, {"text_pair": "b"}, 7])
def test_what_is_neither_text_nor_pair_is_named_with_its_place(item):
    assert texts_or_pairs(["a", {"text": "a", "text_pair": "b"}, {"text": "a"}]) == ["a", ("a", "b"), "a"]
    with pytest.raises(InputError, match="input 1: is neither"):
        texts_or_pairs(["a", item])


def test_special_tokens_that_no_file_names_are_known_by_their_usual_form(tmp_path):
    named = {name: None for name in ("mask_token", "pad_token", "cls_token", "sep_token", "unk_token")}
    folder = changed(bert(), tmp_path / "unnamed", tokenizer_config=named)
    assert text_input(folder).special_token("mask_token") == text_input(bert()).special_token("mask_token")
    assert text_input(folder).padding == text_input(bert()).padding
    with pytest.raises(CheckpointError, match="names a bos_token"):
        text_input(folder).special_token("bos_token")


@pytest.mark.parametrize("form", ["[OTHER]", {"content": "[OTHER]"}])
def test_a_special_token_outside_the_vocabulary_is_refused(form, tmp_path):
    folder = changed(bert(), tmp_path / "other", tokenizer_config={"mask_token": form})
    with pytest.raises(
        CheckpointError, match=r"tokenizer_config\.json: mask_token '\[OTHER\]' is not in the vocabulary"
    ):
        text_input(folder).special_token("mask_token")
