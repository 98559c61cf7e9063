"""A task that takes arrays takes a text as well, where its type has a tokenizer alone that knows no tokenizer.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ipfs_accelerate_py import load
from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.evidence.tiny import TEXTS, saved, special_ids
from ipfs_accelerate_py.evidence.vocabularies import small
from ipfs_accelerate_py.skills.bundles import stored
from ipfs_accelerate_py.skills.own_tokenizer import tokenizer_of

WRITTEN = "text-generation"
READ = "feature-extraction"
TINY = {"n_embd": 32, "dff": 64, "n_layer": 2, "n_head": 4, "n_positions": 256}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small random checkpoint of CTRL with a tokenizer of its class."""
    from transformers import CTRLConfig, CTRLLMHeadModel, CTRLTokenizer

    tokenizer = small(CTRLTokenizer)
    config = CTRLConfig(**TINY, vocab_size=len(tokenizer), **special_ids(tokenizer))
    found = tmp_path_factory.mktemp("ctrl")
    saved(found, lambda: CTRLLMHeadModel(config), [tokenizer], gain=4.0)
    return found


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    from transformers import CTRLTokenizer

    return CTRLTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("backend", ["cpu", "onnxruntime"])
def test_a_text_is_answered_as_the_arrays_that_its_tokenizer_makes(
    folder: Path, tokenizer: Any, backend: str
) -> None:
    """From a bundle, too: it carries the files that the tokenizer is made of."""
    handler = load(str(folder), WRITTEN, backend)
    for text in TEXTS[:2]:
        made = tokenizer(text)
        want = handler(
            {"input_ids": made["input_ids"], "attention_mask": made["attention_mask"]}, max_new_tokens=6
        )
        answer = handler(text, max_new_tokens=6)
        assert answer["tokens"] == want["tokens"]
        assert answer["text"] == tokenizer.decode(want["tokens"], skip_special_tokens=True)
        assert "text" not in want
        assert "notice" not in answer  # this type's is proved


def test_a_bundle_answers_a_text_without_the_checkpoint(folder: Path) -> None:
    want = load(str(folder), READ, "cpu")(TEXTS[0])
    load(str(folder), READ, "onnxruntime")
    found = [
        each.folder
        for each in stored()
        if (each.manifest["checkpoint"], each.manifest["task"]) == (str(folder), READ)
    ]
    assert (found[0] / "merges.txt").read_text() == (folder / "merges.txt").read_text()
    answer = load(str(found[0]), READ)(TEXTS[0])
    assert answer.keys() >= {"last_hidden_state"}
    assert len(answer["last_hidden_state"]) == len(want["last_hidden_state"])


def test_a_second_text_goes_behind_the_first(folder: Path, tokenizer: Any) -> None:
    handler = load(str(folder), READ, "cpu")
    both = handler({"text": TEXTS[0], "text_pair": TEXTS[2]})["last_hidden_state"]
    assert len(both) == len(tokenizer(TEXTS[0], TEXTS[2])["input_ids"])
    assert len(both) > len(handler(TEXTS[0])["last_hidden_state"])


def test_a_second_text_without_a_first_is_refused(folder: Path) -> None:
    with pytest.raises(
        InputError, match=r"has text_pair, which the checkpoint's CTRLTokenizer takes none of"
    ):
        load(str(folder), READ, "cpu")({"text_pair": TEXTS[0]})


def test_a_folder_without_a_tokenizer_says_so_and_answers_arrays(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    handler = load(str(tmp_path), READ, "cpu")
    assert handler({"input_ids": [4, 5, 6], "attention_mask": [1, 1, 1]})["last_hidden_state"]
    with pytest.raises(CheckpointError, match=r"has no tokenizer, none of tokenizer\.json.*give arrays"):
        handler(TEXTS[0])


def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacremoses", None)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "biogpt"}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BioGptTokenizer"}))
    (tmp_path / "vocab.json").write_text("{}")
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    from ipfs_accelerate_py.skills import Checkpoint

    with pytest.raises(CheckpointError, match=r"install sacremoses.*or give arrays"):
        tokenizer_of(Checkpoint(str(tmp_path)))
