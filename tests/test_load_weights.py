"""Weights are read as checkpoints really hold them: in several files, tied, in half precision."""

from pathlib import Path

import numpy as np
import pytest
from tiny_checkpoints import bert

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.evidence.tiny import TEXTS

MASKED = "A [MASK] sat on the mat."


@pytest.fixture(scope="module")
def model():
    from transformers import BertForMaskedLM

    return BertForMaskedLM.from_pretrained(bert("BertForMaskedLM"))


def saved(model, folder: Path, **how):
    """Save the model beside the small files of its checkpoint."""
    source = bert("BertForMaskedLM")
    model.save_pretrained(folder, **how)
    for path in source.iterdir():
        if path.name not in {"config.json", "model.safetensors"}:
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("backend", ["cpu", "openvino", "onnxruntime"])
def test_weights_in_several_files_answer_as_those_in_one(model, backend, tmp_path):
    folder = saved(model, tmp_path / "shards", max_shard_size="20KB")
    assert len(list(folder.glob("*.safetensors"))) > 2
    whole = ia.load(str(bert("BertForMaskedLM")), "fill-mask", backend)(MASKED)
    parts = ia.load(str(folder), "fill-mask", backend)(MASKED)
    assert parts["guesses"] == whole["guesses"]


def test_tied_weights_are_kept_once_and_read_for_both(model, tmp_path):
    from safetensors import safe_open

    folder = saved(model, tmp_path / "tied")
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert "cls.predictions.decoder.weight" not in file.keys()  # noqa: SIM118 - it is no mapping
    assert ia.load(str(folder), "fill-mask", "cpu")(MASKED)["guesses"]


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
def test_half_precision_weights_are_computed_in_float32_as_transformers_does_when_told(model, half, tmp_path):
    import torch
    from transformers import BertForMaskedLM, pipeline

    lower = BertForMaskedLM.from_pretrained(bert("BertForMaskedLM"), dtype=getattr(torch, half))
    folder = saved(lower, tmp_path / half)
    want = pipeline("fill-mask", model=str(folder), dtype="float32", device="cpu")(MASKED)
    got = ia.load(str(folder), "fill-mask", "cpu")(MASKED)["guesses"]
    assert [guess["token"] for guess in got] == [guess["token"] for guess in want]
    np.testing.assert_allclose(
        [guess["score"] for guess in got], [guess["score"] for guess in want], rtol=1e-5
    )  # the same sums in another order
    exact = ia.load(str(bert("BertForMaskedLM")), "fill-mask", "cpu")(MASKED)["guesses"]
    assert got != exact  # else nothing was lost by saving, and the test would prove nothing


def test_a_task_that_the_checkpoint_has_no_head_for_is_refused_and_says_which_it_has():
    with pytest.raises(ia.AccelerateError, match="BertForMaskedLM"):
        ia.load(str(bert("BertForMaskedLM")), "question-answering", "cpu")
    with pytest.raises(
        ia.AccelerateError, match=r"bert has no head for object-detection; it has feature-extraction"
    ):
        ia.load(str(bert("BertForMaskedLM")), "object-detection", "cpu")


def test_a_checkpoint_without_its_tokenizer_is_refused(model, tmp_path):
    model.save_pretrained(tmp_path / "bare")
    with pytest.raises(ia.AccelerateError, match="tokenizer"):
        ia.load(str(tmp_path / "bare"), "fill-mask", "cpu")(TEXTS[0])
