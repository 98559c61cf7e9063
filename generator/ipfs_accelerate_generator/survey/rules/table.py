"""Which rules make an input, by its name; the first that the head takes is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from ipfs_accelerate_generator.survey.rules import (
    crops,
    features,
    films,
    grids,
    molecules,
    series,
    sounds,
    texts,
)
from ipfs_accelerate_generator.survey.shape import Shape

Rule: TypeAlias = "Callable[[Shape, Any], Any]"

_ROW: Final = (features.in_a_row, features.on_a_map, features.across, features.on_a_map_last, features.one)
_MAP: Final = (features.on_a_map, features.in_a_row, features.on_a_map_last)
_PACKED: Final = (
    grids.packed_films,
    grids.packed,
    grids.packed_squares,
    grids.packed_row,
    grids.packed_flat_row,
    grids.packed_merged,
    grids.packed_folded,
)
_SEEN: Final = (features.seen, features.seen_flags)
_HEARD: Final = (sounds.heard, sounds.heard_flags)

SOUNDS: Final = frozenset(
    {"input_values", "input_features", "audio_mel", "audio_input_ids", "audio_input_features"}
)
"""Inputs whose frames or samples a mask or a length is about."""

RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    # what other parts of a model give
    "hidden_states": (*_ROW, sounds.bands_in_a_row, grids.whole, sounds.mono, features.in_windows),
    "inputs_embeds": _ROW,
    "query_embeds": _ROW,
    "encoder_hidden_states": (features.in_a_row, features.of_a_map, features.on_a_map),
    "context": _ROW,
    "context_hidden_states": _ROW,
    "noise_embeds": _ROW,
    "action_embeds": _ROW,
    "image_features": _ROW,
    "last_hidden_state": (features.of_one_time, features.in_a_row),
    "latents": (features.across, features.in_a_row, features.on_a_map),
    "patch_embeds": (features.on_a_map, features.in_a_row, features.on_a_map_last),
    "vision_features": (features.of_a_map, features.levels, *_ROW),
    "vision_pos_embeds": (features.levels,),
    "vision_pos_encoding": (features.of_a_map, *_ROW),
    "text_features": _ROW,
    "decoder_queries": _ROW,
    "backbone_features": (features.levels, *_MAP),
    "inputs": (features.in_a_row,),
    "condition_vector": _ROW,
    "speaker_embedding": (sounds.speaker, features.one),
    "time_step": (features.moments,),
    "context_input_ids": (features.words_of_documents,),
    "context_attention_mask": (features.documents_seen,),
    "doc_scores": (features.scores_of_documents,),
    "mask": _SEEN,
    "num_patches": (features.half,),
    "patch_ids": (features.parts_of_rows,),
    "pooled_patches_idx": (grids.pooled,),
    "marks": (features.places_in_text,),
    "num_options": (features.few,),
    "question_type_ids": (features.first_kind,),
    "text_mask": (features.seen_flags, features.seen),
    "encoder_attention_mask": _SEEN,
    # a picture beside a text
    "visual_feats": (features.objects,),
    "visual_embeds": (features.objects,),
    "visual_pos": (features.boxes_found,),
    "visual_attention_mask": _SEEN,
    "task_inputs": (features.task_words,),
    "qformer_input_ids": (features.words,),
    "qformer_attention_mask": _SEEN,
    "image_attention_mask": (texts.pictures_seen,),
    "image_embeds_position_mask": (texts.picture_places,),
    "classes_input_ids": (texts.labels,),
    "classes_attention_mask": (texts.labels_seen,),
    "classes_structure": (texts.labels_each,),
    "tasks_input_ids": (features.words,),
    "bbox": (texts.boxes,),
    "protein_input_ids": (features.words,),
    "protein_attention_mask": _SEEN,
    "tasks_attention_mask": _SEEN,
    "t_cond": (features.once, features.one),
    # what is no tensor itself
    "inference_session": (films.pointed_at,),
    "atom_inputs": (molecules.atoms,),
    # tokens of molecules
    "token_index": (molecules.places,),
    "residue_index": (molecules.residues,),
    "asym_id": (molecules.chains,),
    "sym_id": (molecules.copies,),
    "entity_id": (molecules.chains,),
    "mol_type": (molecules.proteins,),
    "res_type": (molecules.amino_acids,),
    "token_bonds": (molecules.bonds,),
    "msa": (molecules.alike,),
    "msa_attention_mask": (molecules.alike_seen,),
    "has_deletion": (molecules.lost,),
    "deletion_value": (molecules.counted,),
    "deletion_mean": (molecules.meant,),
    # pictures
    crops.VIEWS: (crops.views,),
    "image_sizes": (grids.sides,),
    "image": (grids.whole,),
    "prompt_pixel_values": (grids.whole,),
    "prompt_masks": (grids.whole,),
    "prompt_depth": (grids.depth,),
    "flattened_patches": (grids.addressed,),
    "grid_thw": (grids.grid, grids.grid_of_one),
    "image_grid_thw": (grids.grid, grids.grid_of_one),
    "grid_hws": (grids.flat_grid,),
    "merge_sizes": (grids.merges,),
    "spatial_shapes": (grids.shapes,),
    "target_sizes": (grids.flat_grid, grids.shapes),
    "pixel_position_ids": (grids.positions,),
    "image_position_ids": (grids.positions,),
    "pixel_attention_mask": (grids.patches_seen, grids.pixels_seen),
    "aspect_ratio_ids": (grids.first_ratio,),
    "aspect_ratio_mask": (grids.tiles_seen,),
    "input_points": (grids.points,),
    "input_labels": (grids.inside,),
    "noise": (grids.noise,),
    # sounds
    "input_features_mask": _HEARD,
    "feature_attention_mask": _HEARD,
    "input_values_mask": _HEARD,
    "audio_input_features": (sounds.bands_last,),
    "audio_attention_mask": _HEARD,
    "audio_embed_sizes": (sounds.vectors_each,),
    "audio_input_ids_mask": _HEARD,
    "audio_mel": (sounds.bands_last,),
    "audio_mel_mask": (sounds.none_padded,),
    "chunk_sample_lengths": (sounds.sampled_lengths, sounds.lengths),
    "feature_lens": (sounds.joined_lengths, sounds.lengths),
    "padding_mask": _HEARD,
    "noise_sequence": (sounds.noise,),
    "spectrogram": (sounds.bands_last, sounds.bands_first),
    "mel_spectrogram": (sounds.bands_first, sounds.bands_last),
    "reference_mel": (sounds.bands_last, sounds.bands_first),
    "audio_input_ids": (sounds.codes_by_band, sounds.codes_last, sounds.codes, sounds.one_code),
    "audio_codes": (sounds.codes, sounds.codes_last),
    "code": (sounds.one_code, sounds.codes),
    "quantized_code": (sounds.one_code, sounds.codes),
    "conditioning": (sounds.speaker,),
    "speaker_embeddings": (sounds.speaker,),
    "decoder_input_values": (sounds.spoken_before,),
    # values over time
    "past_values": (series.past, series.past_of_several),
    "past_observed_mask": (series.past_seen,),
    "past_time_features": (series.past_times,),
    "past_values_padding": (series.none_padded,),
    "future_values": (series.future,),
    "future_time_features": (series.future_times,),
    "freq": (series.frequency,),
    "states": (series.states,),
    "actions": (series.actions,),
    "rewards": (series.rewards,),
    "returns_to_go": (series.rewards,),
    "timesteps": (series.times,),
}
"""Inputs that no processor of the library makes by that name."""

OTHERS: Final[Mapping[str, tuple[Rule, ...]]] = {
    "input_ids": (
        sounds.codes_of_one_time,
        sounds.codes_in_rows,
        sounds.codes_by_channel,
        sounds.codes_last,
        sounds.codes,
    ),
    "decoder_input_ids": (sounds.codes_in_rows,),
    "token_type_ids": (features.kinds_by_column,),
    "attention_mask": (features.seen, sounds.heard_flags, features.seen_flags, grids.patches_seen),
    "pixel_values": (
        grids.pairs,
        grids.frames,
        grids.cut,
        grids.frames_in_rows,
        grids.tiles,
        grids.larger,
        grids.folded_films,
    ),
    "input_values": (
        sounds.mono,
        sounds.fixed_spectrogram_bands_last,
        sounds.even,
        sounds.even_mono,
        sounds.bands_last,
        features.in_a_row,
    ),
    "input_features": (
        sounds.bands_last,
        sounds.bands_first,
        sounds.stacked_bands_last,
        sounds.fixed_bands_last,
        sounds.fixed_bands_first,
        sounds.one_picture_bands_last,
        sounds.joined,
        features.in_a_row,
        sounds.bands_first_by_token,
    ),
}
"""For inputs that processors make: what some models take instead of the usual."""

BESIDE: Final[Mapping[str, Mapping[str, tuple[Rule, ...]]]] = {
    crops.VIEWS: {crops.SIZES: (crops.sides,), crops.SEEN: (crops.seen,)},
    "grid_thw": {"pixel_values": _PACKED, "hidden_states": _PACKED},
    "image_grid_thw": {"pixel_values": _PACKED},
    "grid_hws": {"pixel_values": _PACKED},
    "spatial_shapes": {"pixel_values": (grids.batched,)},
    "target_sizes": {"pixel_values": (grids.strip, grids.batched, grids.packed_row)},
    "pixel_position_ids": {"pixel_values": (grids.batched,)},
    "image_position_ids": {"pixel_values": (grids.batched,)},
    "aspect_ratio_ids": {"pixel_values": (grids.tiles,)},
    "quantized_code": {
        "hidden_states": (sounds.bands_by_code,),
        "speaker_embedding": (sounds.speaker_by_code,),
        "condition_vector": (sounds.bands_in_a_row,),
    },
    "input_values": {"input_features": (sounds.bands_of_samples, sounds.bands_last)},
    "input_features": {"input_values": (sounds.even_mono, sounds.mono)},
    "flattened_patches": {"attention_mask": (grids.patches_seen,)},
    "atom_inputs": {"attention_mask": (molecules.seen,)},
}
"""What an input is where another stands beside it: pixels beside the sizes of a grid are its patches."""

_READ_TOO: Final = frozenset({"image_embeds_position_mask"})
"""Says which tokens of a text stand for the patches beside it: then the mask is the text's, and not theirs."""

LITERAL: Final = frozenset(
    {
        "bbox",
        "grid_thw",
        "image_grid_thw",
        "image_grid_hw",
        "grid_hws",
        "merge_sizes",
        "spatial_shapes",
        "target_sizes",
        "pixel_position_ids",
        "image_position_ids",
        "image_sizes",
        "audio_embed_sizes",
        "chunk_sample_lengths",
        "feature_lens",
        "num_patches",
        "patch_ids",
        "pooled_patches_idx",
        "marks",
        "num_options",
        "question_type_ids",
        "mm_token_type_ids",
        "images_per_sample",
        "num_local_patches",
        "image_token_pooling",
        "image_grids",
        "image_embeds_position_mask",
        "classes_structure",
    }
)
"""Whole numbers that say something about the others: random ones would make no sense."""


def rules(name: str, usual: Rule | None, names: tuple[str, ...]) -> tuple[Rule, ...]:
    """Return the rules for `name` beside the other `names`, the usual one first; none where nothing is known."""
    for other, instead in BESIDE.items():
        if other in names and name in instead and _READ_TOO.isdisjoint(names):
            return instead[name]
    return (*((usual,) if usual else ()), *RULES.get(name, ()), *OTHERS.get(name, ()))
