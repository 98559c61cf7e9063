"""What a decoder behind an encoder has written so far is an input of what writes after arrays."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ipfs_accelerate_generator.survey.begun import with_beginning  # noqa: E402
from ipfs_accelerate_generator.survey.proof import Proof  # noqa: E402
from ipfs_accelerate_generator.survey.running import Feed  # noqa: E402
from ipfs_accelerate_generator.survey.shape import Shape  # noqa: E402
from ipfs_accelerate_generator.survey.subject import Candidate  # noqa: E402

ASKED = ("input_ids", "attention_mask")
TASK = "text2text-generation"
SMALL = {
    "vocab_size": 64,
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "max_position_embeddings": 32,
}


def begun(model: Any, config: Any, arguments: dict[str, Any], task: str = TASK) -> Proof:
    shape = Shape(task, config(**arguments), 12)
    proof = Proof(ASKED, "logits", feed=Feed(ASKED, shape, "logits"))
    return with_beginning(Candidate(task, "", model), config, arguments, proof)


def test_a_class_that_reads_the_source_instead_is_given_what_was_written_too() -> None:
    proof = begun(transformers.BartForConditionalGeneration, transformers.BartConfig, SMALL)
    assert proof.feed is not None
    assert proof.inputs == proof.feed.names == (*ASKED, "decoder_input_ids")
    assert proof.feed.made()["decoder_input_ids"].shape == (2, 12)


def test_one_that_keeps_nothing_of_what_is_later_begins_with_one_token() -> None:
    arguments = {key: value for key, value in SMALL.items() if key != "vocab_size"} | {
        "src_vocab_size": 64,
        "tgt_vocab_size": 64,
        "init_std": 0.2,
    }
    proof = begun(transformers.FSMTForConditionalGeneration, transformers.FSMTConfig, arguments)
    assert proof.feed is not None
    ids = proof.feed.made()["decoder_input_ids"]
    assert ids.shape == (2, 1)
    assert (ids >= 20).all()
    assert proof.feed.made()["input_ids"].shape == (2, 12)


@pytest.mark.parametrize("task", ["feature-extraction", "text-classification"])
def test_what_writes_nothing_is_given_what_it_was(task: str) -> None:
    proof = begun(transformers.BartForConditionalGeneration, transformers.BartConfig, SMALL, task)
    assert proof.inputs == ASKED
