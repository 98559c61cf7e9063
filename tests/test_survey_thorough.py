"""What a closer look at a configuration adds: unset fields, rare names, every kind of layer, what messages ask for."""

from __future__ import annotations

from typing import Any

import pytest

from ipfs_accelerate_generator.survey.foreign import first_line
from ipfs_accelerate_generator.survey.quantities import Quantity, quantity
from ipfs_accelerate_generator.survey.repairs import hopeless, repaired
from ipfs_accelerate_generator.survey.sheet import VOCABULARY, parts, plain
from ipfs_accelerate_generator.survey.shrink import ALTERNATIVES, overlaid, tiny
from ipfs_accelerate_generator.values import check_table

pytest.importorskip("transformers")

USUAL = ALTERNATIVES[0]
CLOSER = next(each for each in ALTERNATIVES if each.thorough)


def config(model_type: str) -> Any:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    return CONFIG_MAPPING[model_type]


def made(**fields: tuple[Any, Any]) -> Any:
    """Return a config class with `fields`: the type and the default of each."""
    from transformers import PreTrainedConfig

    kinds = {name: kind for name, (kind, _) in fields.items()}
    values = {name: value for name, (_, value) in fields.items()}
    return type("Made", (PreTrainedConfig,), {"__annotations__": kinds, "model_type": "made", **values})


def test_the_alternatives_that_look_closer_come_last_so_that_no_type_that_works_is_changed() -> None:
    closer = [each.thorough for each in ALTERNATIVES]
    assert closer == sorted(closer)
    assert len({each.name for each in ALTERNATIVES}) == len(ALTERNATIVES)


def test_a_rare_name_counts_something_only_where_one_looks_closer() -> None:
    assert quantity("base_channels", {}) is Quantity.OTHER
    assert quantity("base_channels", {}, rare=True) is Quantity.WIDTH


def test_what_is_unset_but_a_vocabulary_gets_a_number_only_where_one_looks_closer() -> None:
    cls = made(vocab_size=(int | None, None), num_experts_per_tok=(int | None, None))
    assert tiny(cls, USUAL) == {"vocab_size": VOCABULARY}
    assert tiny(cls, CLOSER) == {"vocab_size": VOCABULARY, "num_experts_per_tok": 2}


def test_what_the_class_fills_in_itself_is_made_small() -> None:
    arguments = tiny(config("dinov3_convnext"), CLOSER)
    assert len(arguments["hidden_sizes"]) == len(arguments["depths"]) == 4
    assert max(arguments["hidden_sizes"]) < 768


def test_a_pattern_of_layers_is_repeated_once() -> None:
    cls = made(num_layers=(int, 24), attention_types=(list, None))
    cls.attention_types = [[["global", "local"], 12]]
    cls = made(num_layers=(int, 24), attention_types=(tuple, ((("global", "local"), 12),)))
    arguments = tiny(cls, CLOSER)
    assert arguments["attention_types"] == [[["global", "local"], 1]]


def test_there_are_as_many_layers_as_show_each_kind_where_none_can_be_named() -> None:
    cls = config("jamba")
    kinds = cls(**tiny(cls, CLOSER)).layer_types
    assert set(kinds) == set(cls().layer_types)


def test_layers_that_share_keys_come_after_ones_of_their_kind_that_have_some() -> None:
    arguments = tiny(config("gemma3n_text"), CLOSER)
    own = arguments["num_hidden_layers"] - arguments["num_kv_shared_layers"]
    assert set(arguments["layer_types"][:own]) == set(arguments["layer_types"][own:])


def test_the_heads_fill_the_expanded_width() -> None:
    arguments = tiny(config("mamba2"), CLOSER)
    assert arguments["num_heads"] * arguments["head_dim"] == arguments["hidden_size"] * 2


def test_a_part_whose_class_is_all_that_is_said_of_it_is_made_small_where_one_looks_closer() -> None:
    assert not list(parts(config("evolla")))
    assert [part.name for part in parts(config("evolla"), thorough=True)] == ["protein_encoder_config"]


def test_asking_for_the_defaults_of_a_class_leaves_them_as_they_were() -> None:
    cls = config("lighton_ocr")
    before = repr({name: spec.init_kwargs for name, spec in cls.sub_configs_defaults.items()})
    assert plain(cls) is not None
    assert repr({name: spec.init_kwargs for name, spec in cls.sub_configs_defaults.items()}) == before


@pytest.mark.parametrize(
    "model_type",
    [
        "esm",
        "gpt_neo",
        "zamba2",
        "cvt",
        "efficientnet",
        "cohere_compass_text",
        "lw_detr_vit",
        "d_fine",
        "molmo2",
    ],
)
def test_a_configuration_that_was_looked_at_closer_is_taken_by_its_class_and_can_be_written(
    model_type: str,
) -> None:
    arguments = tiny(config(model_type), CLOSER)
    config(model_type)(**check_table("tiny", arguments))


def test_a_message_that_names_a_number_is_obeyed_in_the_part_that_has_the_field() -> None:
    cls = config("llava")
    mended = repaired(cls, {}, CLOSER, "ValueError: projection_dim must be 7, got 9")
    assert mended == {"vision_config": {"projection_dim": 7}}


def test_a_field_that_no_class_declares_is_set_where_a_model_misses_it() -> None:
    cls = config("moonshine_streaming")
    message = "AttributeError: 'MoonshineStreamingConfig' object has no attribute 'num_key_value_heads'"
    assert repaired(cls, {"a": 1}, CLOSER, message) == {"a": 1, "num_key_value_heads": CLOSER.heads}
    assert repaired(cls, {}, CLOSER, "AttributeError: 'Other' object has no attribute 'mystery'") == {}


def test_a_missing_library_is_named_first() -> None:
    error = ImportError("\nDinatModel requires the natten library but it was not found in your environment.")
    assert first_line(error).startswith("needs natten: DinatModel")


def test_a_field_that_nobody_knows_a_number_for_is_hopeless() -> None:
    assert hopeless("AttributeError: 'MadeConfig' object has no attribute 'dropout'")
    assert not hopeless("AttributeError: 'MadeConfig' object has no attribute 'num_layers'")
    assert not hopeless("AttributeError: 'NoneType' object has no attribute 'dropout'")


def test_the_spread_of_the_first_weights_is_set_where_a_model_misses_it() -> None:
    message = "'Made' object has no attribute 'initializer_range'"
    assert repaired(made(), {}, USUAL, message) == {"initializer_range": USUAL.spread}


def test_a_model_that_must_be_told_its_language_has_the_first_of_those_listed() -> None:
    listed = made(languages=(tuple[str, ...], ("de_DE", "en_XX")), default_language=(str | None, None))
    assert tiny(listed, USUAL)["default_language"] == "de_DE"


def test_filters_that_double_at_many_steps_begin_with_few() -> None:
    deep = made(num_filters=(int, 32), downsampling_ratios=(tuple[int, ...], (2, 2, 4, 5, 5, 8)))
    flat = made(num_filters=(int, 32), downsampling_ratios=(tuple[int, ...], (8, 5, 4, 2)))
    assert tiny(deep, CLOSER)["num_filters"] == 2
    assert tiny(flat, CLOSER).get("num_filters", 32) == 32


def test_a_part_of_a_type_without_a_class_is_of_the_class_that_its_whole_makes() -> None:
    assert tiny(config("rf_detr"), USUAL)["backbone_config"]["model_type"] == "rf_detr_dinov2"


def test_what_a_person_tells_of_a_small_model_stands_in_its_parts_as_well() -> None:
    made_so = overlaid({"width": 32, "part": {"depth": 2, "width": 32}}, {"part": {"depth": 3}, "other": 1})
    assert made_so == {"width": 32, "part": {"depth": 3, "width": 32}, "other": 1}
