"""What a field of a configuration counts, told by the end of its name, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final


class Quantity(StrEnum):
    """Something that a configuration counts and a test can have less of."""

    LAYERS = "layers"
    HEADS = "attention heads"
    GROUPS = "key and value heads"
    HEAD_WIDTH = "width of one head"
    WIDTH = "width"
    INNER = "inner width"
    VOCABULARY = "vocabulary"
    POSITIONS = "positions"
    IMAGE = "image size"
    PATCH = "patch size"
    EXPERTS = "experts"
    CHOSEN = "experts for one token"
    QUERIES = "queries"
    CODES = "code book"
    TOKEN = "token id"  # noqa: S105 - an id, no secret
    PLACES = "layers by number"
    SPREAD = "spread of the first weights"
    FACTOR = "factor on the spread of the first weights"
    OTHER = "other"


# The longest ending of whole words decides: `hidden_layers` ends `num_hidden_layers` and
# `decoder_hidden_layers`. A field that no ending fits is left as it is.
_ENDINGS: Final[Mapping[Quantity, str]] = {
    Quantity.OTHER: "type_vocab_size num_adapter_layers max_window_layers max_2d_position_embeddings",
    Quantity.TOKEN: "token_id token_index token_ids",
    Quantity.SPREAD: "initializer_range init_std initializer_std",
    Quantity.FACTOR: "initializer_factor",
    Quantity.VOCABULARY: "vocab_size",
    Quantity.POSITIONS: "position_embeddings positions n_ctx max_seq_len max_sequence_length max_seq_length",
    Quantity.IMAGE: "image_size img_size",
    Quantity.PATCH: "patch_size",
    Quantity.GROUPS: "key_value_heads kv_heads",
    Quantity.HEAD_WIDTH: "head_dim d_kv head_size rotary_dim",
    Quantity.HEADS: "heads n_head nhead num_head",
    Quantity.LAYERS: "layers n_layer depth depths num_blocks encoder_blocks",
    Quantity.PLACES: "indexes indices layer_ids",
    Quantity.EXPERTS: "num_experts local_experts routed_experts",
    Quantity.CHOSEN: "experts_per_tok moe_topk moe_top_k",
    Quantity.QUERIES: "num_queries query_tokens num_latents object_queries",
    Quantity.CODES: "codebook_size num_embeddings codevectors_per_group",
    Quantity.INNER: "intermediate_size ffn_dim d_ff n_inner mlp_dim intermediate_dim ffn_hidden_size",
    Quantity.WIDTH: (
        "hidden_size hidden_sizes hidden_dim hidden_channels d_model model_dim n_embd embed_dim embed_dims "
        "embedding_size embedding_dim emb_dim dim projection_dim projection_size proj_dim proj_size "
        "latent_dim width conv_dim tdnn_dim lora_rank encoder_hidden_dim out_dim output_dim"
    ),
}

_BY_ENDING: Final = {ending: quantity for quantity, endings in _ENDINGS.items() for ending in endings.split()}


def quantity(name: str, attribute_map: Mapping[str, str]) -> Quantity:
    """Return what the field `name` counts; `attribute_map` is the config class's own list of common names."""
    common = {own: usual for usual, own in attribute_map.items()}.get(name, name)
    words = common.split("_")
    for start in range(len(words)):  # the longest ending first
        if (found := _BY_ENDING.get("_".join(words[start:]))) is not None:
            return found
    return Quantity.OTHER


def is_count(value: Any) -> bool:
    """Whether `value` is a whole number; True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_counts(value: Any) -> bool:
    """Whether `value` is a list of whole numbers, and has any."""
    return isinstance(value, (list, tuple)) and bool(value) and all(is_count(item) for item in value)
