"""The tiny configuration: what a field counts, which relations stay, and that every config class takes it."""

from __future__ import annotations

from typing import Any

import pytest

from ipfs_accelerate_generator.spec import Head
from ipfs_accelerate_generator.survey.facts import given
from ipfs_accelerate_generator.survey.quantities import Quantity, is_count, quantity
from ipfs_accelerate_generator.survey.sheet import VOCABULARY, defaults, parts
from ipfs_accelerate_generator.survey.shrink import ALTERNATIVES, said, tiny
from ipfs_accelerate_generator.survey.tables import ENCODER_TABLE, LEFT_OUT, MODEL_TABLE, TASKS
from ipfs_accelerate_generator.values import check_table
from ipfs_accelerate_py.skills.task import task

pytest.importorskip("transformers")

TYPES = (
    "bert",
    "vit",
    "t5",
    "gpt2",
    "distilbert",
    "gemma3_text",
    "clip",
    "swin",
    "resnet",
    "dpt",
    "whisper",
    "wav2vec2",
    "qwen2_vl",
    "mixtral",
    "llava",
)


def config(model_type: str) -> Any:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    return CONFIG_MAPPING[model_type]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hidden_size", Quantity.WIDTH),
        ("decoder_num_attention_heads", Quantity.HEADS),
        ("num_key_value_heads", Quantity.GROUPS),
        ("vocab_size", Quantity.VOCABULARY),
        ("type_vocab_size", Quantity.KINDS),
        ("conv_kernel_size", Quantity.OTHER),
        ("max_position_embeddings", Quantity.POSITIONS),
        ("num_hidden_layers", Quantity.LAYERS),
        ("ahead", Quantity.OTHER),
        ("image_token_id", Quantity.TOKEN),
    ],
)
def test_the_end_of_a_name_says_what_a_field_counts(name: str, expected: Quantity) -> None:
    assert quantity(name, {}) is expected


def test_a_usual_name_counts_where_its_class_knows_another_that_says_nothing() -> None:
    assert (
        quantity("max_position_embeddings", {"model_max_length": "max_position_embeddings"})
        is Quantity.POSITIONS
    )


def test_the_common_name_of_a_field_comes_before_its_own() -> None:
    assert quantity("ffn", {"intermediate_size": "ffn"}) is Quantity.INNER


def test_every_table_of_transformers_stands_for_a_task_or_is_left_out_for_a_reason() -> None:
    from transformers.models.auto import modeling_auto

    tables = {name for name in vars(modeling_auto) if name.startswith("MODEL") and name.endswith("_NAMES")}
    assert tables <= {MODEL_TABLE, ENCODER_TABLE, *TASKS, *LEFT_OUT}


def test_every_task_of_those_tables_can_be_asked_for_by_its_name() -> None:
    for name in {name for names in TASKS.values() for name in names}:
        assert task(name) == name


@pytest.mark.parametrize("model_type", TYPES)
def test_no_number_of_a_tiny_configuration_is_larger_than_its_default(model_type: str) -> None:
    def check(cls: Any, arguments: dict[str, Any], start: dict[str, Any]) -> None:
        told = defaults(cls) | start
        inner = {part.name: part for part in parts(cls)}
        for name, value in arguments.items():
            if name in inner:
                check(inner[name].config, value, dict(inner[name].start))
            elif is_count(value) and is_count(told.get(name)):
                assert value <= told[name], name

    check(config(model_type), tiny(config(model_type), ALTERNATIVES[0]), {})


@pytest.mark.parametrize("model_type", TYPES)
def test_a_tiny_configuration_can_be_written_to_a_file_and_is_taken_by_its_class(model_type: str) -> None:
    arguments = tiny(config(model_type), ALTERNATIVES[0])
    written = check_table("tiny", arguments)
    made = config(model_type)(**written)
    assert getattr(made.get_text_config(), "vocab_size", VOCABULARY) <= VOCABULARY


@pytest.mark.parametrize("model_type", ["beit", "dinov3_convnext", "hgnet_v2", "lw_detr_vit"])
def test_what_a_class_sets_for_itself_is_not_said(model_type: str) -> None:
    for way in ALTERNATIVES:
        assert not [name for name in tiny(config(model_type), way) if name.startswith("_")]


def test_a_picture_that_is_called_the_input_is_small_where_patches_are_cut_from_it() -> None:
    assert tiny(config("layoutlmv3"), ALTERNATIVES[0])["input_size"] == 64
    assert tiny(config("vjepa2"), ALTERNATIVES[0])["crop_size"] == 4 * 8
    assert "input_size" not in tiny(config("phi4_multimodal_audio"), ALTERNATIVES[0])


def test_what_equals_the_patch_size_follows_it() -> None:
    arguments = tiny(config("vit"), ALTERNATIVES[0])
    assert arguments["encoder_stride"] == arguments["patch_size"] == 8


def test_every_kind_of_layer_appears() -> None:
    from transformers import Gemma3TextConfig

    arguments = tiny(Gemma3TextConfig, ALTERNATIVES[0])
    assert set(arguments["layer_types"]) == set(Gemma3TextConfig().layer_types)
    assert arguments["num_hidden_layers"] == len(arguments["layer_types"])


def test_as_many_places_among_the_layers_are_named() -> None:
    arguments = tiny(config("dpt"), ALTERNATIVES[0])
    assert list(arguments["backbone_out_indices"]) == [0, 1, 2, 3]
    assert arguments["num_hidden_layers"] == 4


def test_places_that_the_class_itself_names_are_named_among_the_layers_that_are_left() -> None:
    from transformers import GraniteDoclingVisionConfig

    assert max(GraniteDoclingVisionConfig().deepstack_visual_indexes) > 2
    arguments = tiny(GraniteDoclingVisionConfig, ALTERNATIVES[0])
    assert arguments["deepstack_visual_indexes"] == [0, 1, 2] == list(range(arguments["num_hidden_layers"]))


def test_the_width_of_a_head_stays_the_width_by_the_heads() -> None:
    from transformers import T5Config

    assert T5Config().d_kv == T5Config().d_model // T5Config().num_heads
    arguments = tiny(T5Config, ALTERNATIVES[0])
    assert arguments["d_kv"] == arguments["d_model"] // arguments["num_heads"]


def test_special_ids_are_different_and_within_the_vocabulary() -> None:
    arguments = tiny(config("qwen2_vl"), ALTERNATIVES[0])
    ids = [value for name, value in arguments.items() if name.endswith("_token_id")]
    ids += [
        value for name, value in arguments["text_config"].items() if name in ("bos_token_id", "eos_token_id")
    ]
    assert len(set(ids)) == len(ids) > 4
    assert all(0 < each < VOCABULARY for each in ids)


def test_the_first_weights_are_spread_widely() -> None:
    assert tiny(config("bert"), ALTERNATIVES[0])["initializer_range"] == 0.2


def test_a_speech_encoder_gets_a_norm_that_sees_a_mask_and_a_pyramid_keeps_its_stages() -> None:
    assert tiny(config("wav2vec2"), ALTERNATIVES[0])["feat_extract_norm"] == "layer"
    assert len(tiny(config("clap"), ALTERNATIVES[0])["audio_config"]["depths"]) == 4


def head(task: str, *inputs: str) -> Head:
    return Head(task=task, table="", model="Some", inputs=inputs, output="logits")


def test_text_that_only_a_decoder_writes_is_no_input_of_the_type() -> None:
    speaks = head("automatic-speech-recognition", "input_features", "decoder_input_ids")
    continues, reads = head("text-generation", "input_ids"), head("feature-extraction", "input_ids")
    assert given((speaks, continues)) == (speaks,)
    assert given((speaks, continues, reads)) == (speaks, continues, reads)
    assert given((continues,)) == (continues,)


def test_a_token_that_stands_for_a_picture_or_a_sound_has_an_id_where_no_default_says_one() -> None:
    made = tiny(config("voxtral"), ALTERNATIVES[0])
    assert 0 < made["audio_token_id"] < VOCABULARY


@pytest.mark.parametrize("model_type", ["glm", "glm4", "cwm"])
def test_ends_that_a_class_puts_where_the_defaults_have_none_are_ids_of_the_small_vocabulary(
    model_type: str,
) -> None:
    of_class = config(model_type)().eos_token_id
    ends = tiny(config(model_type), ALTERNATIVES[0])["eos_token_id"]
    assert max(of_class) >= VOCABULARY > max(ends)
    assert len({*ends}) == len(of_class)


def test_what_a_class_writes_into_its_arguments_as_unset_is_left_out_as_no_file_can_hold_it() -> None:
    arguments = tiny(config("inkling_mm_model"), ALTERNATIVES[0])
    config("inkling_mm_model")(**arguments)
    assert arguments["text_config"]["num_mtp_layers"] is None
    check_table("tiny", said(arguments))
    assert said({"depth": None, "width": 0, "part": {"depth": None}}) == {"width": 0, "part": {}}
