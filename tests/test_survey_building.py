"""How a head is built: also one of a class that is asked to write, or that another type's class holds."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ipfs_accelerate_generator.survey.building import built, named_as  # noqa: E402
from ipfs_accelerate_generator.survey.proof import prove  # noqa: E402
from ipfs_accelerate_generator.survey.subject import Candidate  # noqa: E402

VISION = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 4,
}
TEXT = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "pad_token_id": 0,
}
SEEN = {
    "text_config": TEXT,
    "vision_config": VISION,
    "mm_tokens_per_image": 4,
    "boi_token_index": 1,
    "eoi_token_index": 2,
    "image_token_index": 3,
}


@pytest.mark.parametrize(
    ("config", "named"), [("ShieldGemma2Config", {"model_type": "gemma3"}), ("Gemma3Config", {})]
)
def test_weights_of_a_class_that_another_type_holds_are_named_by_its_own(
    config: str, named: dict[str, str]
) -> None:
    candidate = Candidate("image-text-to-text", "", transformers.Gemma3ForConditionalGeneration)
    model = built(candidate, getattr(transformers, config), SEEN)
    assert named_as(candidate, model) == named


def test_a_part_about_text_is_named_as_it_is() -> None:
    candidate = Candidate("text-generation", "", transformers.Gemma3ForCausalLM)
    assert named_as(candidate, built(candidate, transformers.Gemma3Config, SEEN)) == {}


def test_a_class_that_asserts_that_it_writes_is_built_as_a_decoder() -> None:
    small = {
        "attention_head_size": 8,
        "axial_pos_embds_dim": [8, 8],
        "axial_pos_shape": [8, 8],
        "hidden_size": 16,
        "feed_forward_size": 16,
        "num_attention_heads": 2,
        "attn_layers": ["local"],
        "local_attn_chunk_length": 4,
        "max_position_embeddings": 64,
        "vocab_size": 64,
        "initializer_range": 0.2,
    }
    candidate = Candidate("text-generation", "", transformers.ReformerModelWithLMHead)
    proof = prove(candidate, transformers.ReformerConfig, small, ("input_ids", "attention_mask"))
    assert proof.config["is_decoder"] is True
