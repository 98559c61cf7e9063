"""A closer look at a configuration that the usual rules do not make small, or whole: what is unset, what is rare."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final

from ipfs_accelerate_generator.survey.quantities import Quantity, is_count, is_counts
from ipfs_accelerate_generator.survey.sheet import VOCABULARY, Sheet, plain

MOST_LAYERS: Final = 12
_COEFFICIENT: Final = 16
_MANY_STEPS: Final = 5

_UNSET: Final = {
    "prediction_length": 8,
    "n_group": 1,
    "topk_group": 1,
    "n_shared_experts": 1,
    "clip_qkv": 8.0,
    "attn_layer_indices": [1],
    "indexer_n_heads": 4,
    "indexer_kv_heads": 1,
    "indexer_budget": 8,
    "indexer_compress_ratio": 2,
}
"""What a model cannot be built without, and no default says."""


def fill(sheet: Sheet) -> None:
    """Give a number to what is unset by default and counts something."""
    how = sheet.how
    numbers = {
        Quantity.VOCABULARY: VOCABULARY,
        Quantity.EXPERTS: 4,
        Quantity.CHOSEN: 2,
        Quantity.HEAD_WIDTH: how.head_width,
        Quantity.GROUPS: how.heads,
        Quantity.INNER: 2 * how.width,
    }
    for name, counts in sheet.counts.items():
        if sheet.before[name] is None:
            sheet.after[name] = _UNSET.get(name, numbers.get(counts))
            if name.endswith("layer_types") and (kinds := _kinds_in_source(sheet.config, name)):
                sheet.after[name] = [kinds[place % len(kinds)] for place in range(_layer_count(sheet))]


def _layer_count(sheet: Sheet) -> int:
    return next((int(sheet.after[name]) for name, _ in _main_layers(sheet)), sheet.how.layers)


def _kinds_in_source(config: Any, name: str) -> list[str]:
    """Return the kinds of layers that transformers knows under `name` and the model's own source spells."""
    from transformers import configuration_utils

    known = getattr(configuration_utils, f"ALLOWED_{name.upper()}", ())
    place = config.__module__.replace(".configuration_", ".modeling_")
    try:
        source = inspect.getsource(importlib.import_module(place))
    except (ImportError, OSError):
        return []
    return [kind for kind in known if f'"{kind}"' in source]


def repeated_patterns(sheet: Sheet) -> None:
    """Let a pattern of layers with its number of repeats be repeated as often as the layers are now."""
    for name, value in sheet.before.items():
        if isinstance(value, (list, tuple)) and value and all(_is_pattern(each) for each in value):
            kinds, _ = value[0]
            layers = next((each for each, _ in sheet.single(Quantity.LAYERS)), None)
            if layers is not None:
                sheet.after[name], sheet.after[layers] = [[list(kinds), 1]], len(kinds)


def _is_pattern(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and isinstance(value[0], (list, tuple))
        and is_count(value[1])
    )


def every_kind(sheet: Sheet) -> None:
    """Let every kind of layer appear, whatever the field that lists them is called, or if there is none."""
    made = plain(sheet.config)
    layers = next((name for name, _ in _main_layers(sheet)), None)
    common = getattr(sheet.config, "attribute_map", {}).get("layer_types", "layer_types")
    told: Any = getattr(made, common, None) or getattr(made, "layers_block_type", None)
    kinds = list(dict.fromkeys(told)) if _are_words(told) else []
    if (
        kinds == ["linear_attention"] and common in sheet.before
    ):  # a cache counts what it holds by an attention
        kinds = [*kinds, "full_attention"]
    if layers is None or len(kinds) < 2:
        return
    if common in sheet.before:  # twice, as a later layer may share with an earlier one of its kind
        sheet.after[common], sheet.after[layers] = kinds * 2, 2 * len(kinds)
        shared = next((name for name in sheet.before if name.endswith("kv_shared_layers")), None)
        if shared is not None and sheet.before[shared]:
            sheet.after[shared] = len(kinds)
    else:
        first = max(list(told).index(kind) for kind in kinds) + 1
        if first <= MOST_LAYERS:
            sheet.after[layers] = first


def lists_again(sheet: Sheet) -> None:
    """Let each list with one entry a layer be as long as the layers are now; one of words names every word again."""
    for layers, length in _main_layers(sheet):
        count = sheet.after[layers]
        for name, value in sheet.before.items():
            if isinstance(value, (list, tuple)) and len(value) == length and name in sheet.after:
                now = sheet.after[name]
                entries = list(dict.fromkeys(value)) if _are_words(value) else list(now)
                if entries and (len(now) != count or (_are_words(value) and not set(entries) <= set(now))):
                    sheet.after[name] = type(value)((entries * count)[:count])


def _main_layers(sheet: Sheet) -> Iterator[tuple[str, int]]:
    common = getattr(sheet.config, "attribute_map", {}).get("num_hidden_layers", "num_hidden_layers")
    if is_count(sheet.before.get(common)):
        yield common, sheet.before[common]


def _are_words(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(each, str) for each in value)


def coefficients(sheet: Sheet) -> None:
    """Let a coefficient of all widths be a small one, with the width that it made, and that of depths as well."""
    wide = sheet.before.get("width_coefficient")
    if wide is not None:
        sheet.after["width_coefficient"] = wide / _COEFFICIENT
        for name, value in sheet.single(Quantity.WIDTH):
            sheet.after[name] = value // _COEFFICIENT
    if sheet.before.get("depth_coefficient") is not None:
        sheet.after["depth_coefficient"] = 0.1  # one block a stage


def products(sheet: Sheet) -> None:
    """Let a width be the first one times its largest multiplier where it is so by default."""
    base: Any = sheet.before.get("base_channels")
    many: Any = sheet.before.get("channel_multiplier")
    if is_count(base) and is_counts(many):
        for name, value in sheet.single(Quantity.WIDTH):
            if name != "base_channels" and value == base * many[-1]:
                sheet.after[name] = sheet.after["base_channels"] * many[-1]


def windows(sheet: Sheet) -> None:
    """Let a number of windows stay as it is, as it is no size, and an image have patches for each of them."""
    for name, value in sheet.single(Quantity.OTHER):
        if name.startswith("num_"):
            sheet.after[name] = value
        if name == "num_windows" and value > 1:
            for image, size in sheet.single(Quantity.IMAGE):
                sheet.after[image] = min(4 * value, size)


def stage_channels(sheet: Sheet) -> None:
    """Let a pyramid keep its widths where lists of another name hold them as well: its single layers are few."""
    if any(
        name.endswith("out_channels") and len(value) == sheet.stages
        for name, value in sheet.listed(Quantity.OTHER)
    ):
        for name in sheet.counts:
            if sheet.counts[name] is Quantity.WIDTH:
                sheet.after[name] = sheet.before[name]


def lists_of_a_width(sheet: Sheet) -> None:
    """Let a list that says the same width again and again say the small one."""
    for name, value in sheet.listed(Quantity.OTHER):
        for width, before in sheet.single(Quantity.WIDTH):
            if before >= 8 and set(value) == {before}:
                sheet.after[name] = type(value)([sheet.after[width]] * len(value))


def widths_in_a_file(sheet: Sheet) -> None:
    """Let widths be a list, as a file holds them: a model may add a list to them."""
    for name, value in sheet.listed(Quantity.WIDTH):
        sheet.after[name] = list(sheet.after.get(name, value))


def halves(sheet: Sheet) -> None:
    """Let the features of a place be half as many as the width that they are added to, where they are by default."""
    half: Any = sheet.before.get("num_pos_feats")
    for name, value in sheet.single(Quantity.WIDTH):
        if is_count(half) and value == 2 * half:
            sheet.after["num_pos_feats"] = sheet.after[name] // 2


def halved_channels(sheet: Sheet) -> None:
    """Let a vocoder, which halves its channels at each step up, have some left at the last."""
    first, steps = "upsample_initial_channel", sheet.before.get("upsample_rates") or ()
    if is_count(sheet.before.get(first)) and is_counts(steps):
        sheet.after[first] = min(sheet.before[first], 2 ** (len(steps) + 2))


def doubled_filters(sheet: Sheet) -> None:
    """Let an encoder that doubles its filters at each of many steps down begin with two."""
    steps = max(
        (len(value) for name, value in sheet.before.items() if name.endswith("ratios") and is_counts(value)),
        default=0,
    )
    if is_count(sheet.before.get("num_filters")) and steps >= _MANY_STEPS:
        sheet.after["num_filters"] = 2


def heads_divide(sheet: Sheet) -> None:
    """Let no width have more heads than divide it."""
    widths = [sheet.after[name] for name, _ in sheet.single(Quantity.WIDTH)]
    for name, value in sheet.single(Quantity.HEADS):
        if sheet.how.divide and value > sheet.how.heads and widths:
            sheet.after[name] = sheet.how.heads
            for other, many in sheet.single(Quantity.GROUPS):
                sheet.after[other] = min(many, sheet.how.heads // (1 if many == value else 2))


def expert_groups(sheet: Sheet) -> None:
    """Let there be two groups of experts, of which one is chosen, where there are as many by default."""
    groups: Any = sheet.before.get("n_group")
    if is_count(groups) and groups > 1:
        sheet.after["n_group"], sheet.after["topk_group"] = 2, 1


def expanded_heads(sheet: Sheet) -> None:
    """Let all heads be as wide together as the expanded width, where they are so by default."""
    for wide, width in sheet.single(Quantity.WIDTH):
        for many, heads in sheet.single(Quantity.HEADS):
            for name, value in sheet.single(Quantity.HEAD_WIDTH):
                factor = next(
                    (sheet.before[key] for key in ("expand", "mamba_expand") if key in sheet.before), 0
                )
                if is_count(factor) and factor and value * heads == width * factor:
                    sheet.after[name] = max(sheet.after[wide] * factor // sheet.after[many], 1)
                    if is_count(sheet.before.get("n_groups")):
                        sheet.after["n_groups"] = min(sheet.before["n_groups"], 2)


def box_shares(sheet: Sheet) -> None:
    """Let four corners and two lengths of a box fill the width again, where they do so by default."""
    corner: Any = sheet.before.get("coordinate_size")
    length: Any = sheet.before.get("shape_size")
    if not (is_count(corner) and is_count(length)):
        return
    for name, width in sheet.single(Quantity.WIDTH):
        if 4 * corner + 2 * length == width:
            sheet.after["coordinate_size"] = sheet.after[name] // 8
            sheet.after["shape_size"] = sheet.after[name] // 4


def folded_pixels(sheet: Sheet) -> None:
    """Let what a fold of neighbouring pixels makes be as wide as it is made."""
    ratio = sheet.before.get("pixel_shuffle_ratio")
    if isinstance(ratio, float) and "hidden_size" in sheet.after:
        for name, _ in sheet.single(Quantity.INNER):
            sheet.after[name] = int(sheet.after["hidden_size"] / ratio**2)
        for name in ("projector_input_dim", "projector_output_dim", "vision_output_dim"):
            if name in sheet.before:
                sheet.after[name] = sheet.after["hidden_size"]


def inputs_of_bands(sheet: Sheet) -> None:
    """Let what goes into a vocoder be as wide as it is: as many bands as a spectrogram has."""
    for name, value in sheet.single(Quantity.WIDTH):
        if name.endswith("in_dim"):
            sheet.after[name] = value


def queries_by_patches(sheet: Sheet) -> None:
    """Let a table from numbers of patches to numbers of queries know how many patches a small image has."""
    for name in sheet.before:
        if name.endswith("patch_to_query_dict"):
            sheet.after[name] = {"16": 4}


def layers_elsewhere(sheet: Sheet) -> None:
    """Let layers of another part that are named by number be among the few there are now."""
    for name, value in sheet.before.items():
        if name.endswith(("feature_layer", "feature_layers")) and is_counts(value) and max(value) >= 2:
            sheet.after[name] = type(value)(each % sheet.how.layers for each in value)


def growing_depths(sheet: Sheet) -> None:
    """Let a later stage have more layers than an earlier one, where it has so by default."""
    for name, value in sheet.listed(Quantity.LAYERS):
        if list(value) == sorted(set(value)):
            sheet.after[name] = type(value)(min(each, place + 1) for place, each in enumerate(value))


def first_merges(sheet: Sheet) -> None:
    """Let a merge of two streams come before the first layer whose result is kept."""
    if is_count(sheet.before.get("merge_index")):
        sheet.after["merge_index"] = 0


THOROUGH: Final[tuple[Callable[[Sheet], None], ...]] = (
    windows,
    stage_channels,
    lists_of_a_width,
    halved_channels,
    doubled_filters,
    halves,
    repeated_patterns,
    every_kind,
    lists_again,
    coefficients,
    products,
    heads_divide,
    expert_groups,
    expanded_heads,
    box_shares,
    folded_pixels,
    inputs_of_bands,
    queries_by_patches,
    layers_elsewhere,
    first_merges,
    growing_depths,
    widths_in_a_file,
)
"""Applied after the relations that every alternative keeps."""
