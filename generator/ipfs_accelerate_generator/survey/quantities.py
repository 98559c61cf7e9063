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
    SEEN = "tokens of one picture"
    WINDOW = "tokens that attend to each other"
    TOKEN = "token id"  # noqa: S105 - an id, no secret
    PLACES = "layers by number"
    KINDS = "kinds of tokens"
    SPREAD = "spread of the first weights"
    FACTOR = "factor on the spread of the first weights"
    OTHER = "other"


# The longest ending of whole words decides: `hidden_layers` ends `num_hidden_layers` and
# `decoder_hidden_layers`. A field that no ending fits is left as it is.
_ENDINGS: Final[Mapping[Quantity, str]] = {
    Quantity.KINDS: "type_vocab_size",
    Quantity.OTHER: "num_adapter_layers max_window_layers max_2d_position_embeddings",
    Quantity.TOKEN: "token_id token_index token_ids",
    Quantity.SPREAD: "initializer_range init_std initializer_std",
    Quantity.FACTOR: "initializer_factor",
    Quantity.VOCABULARY: "vocab_size",
    Quantity.POSITIONS: "position_embeddings positions n_ctx max_seq_len max_sequence_length max_seq_length",
    Quantity.IMAGE: "image_size img_size crop_size",
    Quantity.PATCH: "patch_size",
    Quantity.GROUPS: "key_value_heads kv_heads",
    Quantity.HEAD_WIDTH: "head_dim d_kv head_size rotary_dim",
    Quantity.HEADS: "heads n_head nhead num_head",
    Quantity.LAYERS: "layers n_layer depth depths num_blocks encoder_blocks",
    Quantity.PLACES: "indexes indices layer_ids",
    Quantity.EXPERTS: "num_experts local_experts routed_experts",
    Quantity.CHOSEN: "experts_per_tok moe_topk moe_top_k",
    Quantity.QUERIES: "num_queries query_tokens num_latents object_queries latent_query_num",
    Quantity.CODES: "codebook_size num_embeddings codevectors_per_group",
    Quantity.INNER: "intermediate_size ffn_dim d_ff n_inner mlp_dim intermediate_dim ffn_hidden_size",
    Quantity.WIDTH: (
        "hidden_size hidden_sizes hidden_dim hidden_channels d_model model_dim n_embd embed_dim embed_dims "
        "embedding_size embedding_dim emb_dim dim projection_dim projection_size proj_dim proj_size "
        "latent_dim width conv_dim tdnn_dim lora_rank encoder_hidden_dim out_dim output_dim"
    ),
}

# Endings that few types use. They are looked at only where the usual ones did not make a model that can be built.
_RARE_ENDINGS: Final[Mapping[Quantity, str]] = {
    Quantity.VOCABULARY: "vocab_size_per_layer_input group_vocab",
    Quantity.LAYERS: "res_blocks self_attends_per_block block_repeats stage_num_blocks",
    Quantity.CHOSEN: "top_k_experts",
    Quantity.SEEN: "tokens_per_image",
    Quantity.WINDOW: "attention_window attention_window_len",
    Quantity.CODES: "centroids",
    Quantity.WIDTH: (
        "hidden_size_per_layer_input base_channels d_latents num_filters hidden_dimension kv_lora_rank q_lora_rank "
        "channel_list dim_per_stage fusion_hidden_sizes channels_list initial_channel input_hidden_size "
        "feature_size bottleneck_features lru_width mem_dim dim_model output_channels token_dim fpn_hidden_size"
    ),
}

_OWN: Final = frozenset({Quantity.GROUPS, Quantity.POSITIONS, Quantity.VOCABULARY})
"""What a field of a usual name counts even where its class has a common name for it that nothing here knows."""

_BY_ENDING: Final = {ending: quantity for quantity, endings in _ENDINGS.items() for ending in endings.split()}
_BY_ANY_ENDING: Final = _BY_ENDING | {
    ending: quantity for quantity, endings in _RARE_ENDINGS.items() for ending in endings.split()
}


def quantity(name: str, attribute_map: Mapping[str, str], rare: bool = False) -> Quantity:
    """Return what the field `name` counts; `attribute_map` is the config class's own list of common names.

    With `rare` the endings that few types use are known, too.
    """
    common = {own: usual for usual, own in attribute_map.items()}.get(name, name)
    words, endings = common.split("_"), _BY_ANY_ENDING if rare else _BY_ENDING
    for start in range(len(words)):  # the longest ending first
        if (found := endings.get("_".join(words[start:]))) is not None:
            return found
    if common != name and (own := quantity(name, {}, rare)) in _OWN:  # under a common name that few use
        return own
    return Quantity.OTHER


def is_count(value: Any) -> bool:
    """Whether `value` is a whole number; True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_counts(value: Any) -> bool:
    """Whether `value` is a list of whole numbers, and has any."""
    return isinstance(value, (list, tuple)) and bool(value) and all(is_count(item) for item in value)
