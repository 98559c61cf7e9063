"""What fields of a configuration have to do with each other, as the defaults show, and how it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ipfs_accelerate_generator.survey.quantities import Quantity, is_count, is_counts
from ipfs_accelerate_generator.survey.senses import shares_in_source
from ipfs_accelerate_generator.survey.sheet import VOCABULARY, Sheet, plain

_KERNELS: Final = (10, 3, 2)  # and strides of the convolutions over samples that a small speech model has
_STRIDES: Final = (5, 4, 4)


def equals(sheet: Sheet) -> None:
    """Let a field of no known quantity follow the width or the patch size that it equals."""
    for anchor, value in sheet.single(Quantity.WIDTH, Quantity.PATCH):
        if value >= 8:  # smaller numbers are equal by chance
            for name, other in sheet.single(Quantity.OTHER):
                if other == value:
                    sheet.after[name] = sheet.after[anchor]


def head_widths(sheet: Sheet) -> None:
    """Let the width of a head be the width by the number of heads where it is so by default."""
    for wide, width in sheet.single(Quantity.WIDTH):
        for many, heads in sheet.single(Quantity.HEADS):
            for name, value in sheet.single(Quantity.HEAD_WIDTH):
                if heads and value and value == width // heads:
                    sheet.after[name] = sheet.after[wide] // sheet.after[many]


def stages(sheet: Sheet) -> None:
    """Let a pyramid keep its stages, where a field counts them: from one to the next its width grows."""
    for _, layers in sheet.listed(Quantity.LAYERS):
        for name, value in sheet.single(Quantity.LAYERS):
            if value == len(layers):
                sheet.after[name] = value


def lists_by_layer(sheet: Sheet) -> None:
    """Let a list with one entry for each layer be as long as the layers are now."""
    for layers, length in sheet.single(Quantity.LAYERS):
        for name, value in sheet.before.items():
            if isinstance(value, (list, tuple)) and len(value) == length != sheet.after[layers]:
                sheet.after[name] = type(value)(sheet.after.get(name, value)[: sheet.after[layers]])


def places_among_layers(sheet: Sheet) -> None:
    """Let a list of places among the layers name as many of them, from the first on."""
    for name, places in sheet.listed(Quantity.PLACES):
        for layers, length in sheet.single(Quantity.LAYERS):
            if max(places) <= length:
                sheet.after[layers] = max(sheet.after[layers], len(places))
                sheet.after[name] = type(places)(range(len(places)))


def last_windows(sheet: Sheet) -> None:
    """Let a window be as large as the image at the last stage of a pyramid, where it is so by default."""
    image, patch = (dict(sheet.single(counts)) for counts in (Quantity.IMAGE, Quantity.PATCH))
    window = sheet.before.get("window_size")
    if not (image and patch and sheet.stages and is_count(window)):
        return
    (wide, size), (small, part) = next(iter(image.items())), next(iter(patch.items()))
    shrunk = 2 ** (sheet.stages - 1)
    if window == size // part // shrunk:
        sheet.after["window_size"] = max(sheet.after[wide] // sheet.after[small] // shrunk, 1)


def layer_kinds(sheet: Sheet) -> None:
    """Let every kind of layer appear, in the order of the defaults."""
    if "layer_types" in sheet.before and is_count(sheet.before.get("num_hidden_layers")):
        kinds = list(dict.fromkeys(getattr(sheet.config(), "layer_types", None) or []))
        if len(kinds) > 1:
            sheet.after["layer_types"], sheet.after["num_hidden_layers"] = kinds, len(kinds)


def rotary_shares(sheet: Sheet) -> None:
    """Let the shares of a head that turn with time, height and width sum to half of it again."""
    widths = [sheet.after[name] for name, _ in sheet.single(Quantity.HEAD_WIDTH)]
    width = min(widths, default=sheet.how.head_width)
    ignored = getattr(sheet.config, "ignore_keys_at_rope_validation", ())
    known = "mrope_section" in ignored or _has_shares(sheet.config)
    turned: dict[str, Any] = (getattr(plain(sheet.config), "rope_parameters", None) or {}) if known else {}
    part = int(width * (turned.get("partial_rotary_factor") or 1.0)) // 2  # not all of a head may turn
    half = part if part >= 3 else width // 2  # three shares of less are none
    for name in ("rope_parameters", "rope_scaling"):
        value = sheet.before.get(name)
        if isinstance(value, dict) and is_counts(value.get("mrope_section")):
            shares = value["mrope_section"]
            smaller = [max(1, half * share // sum(shares)) for share in shares]
            smaller[0] += half - sum(smaller)
            sheet.after[name] = value | {"mrope_section": smaller}
    untold = "rope_parameters" in sheet.before and sheet.before["rope_parameters"] is None
    if untold and known:
        third = half // 3  # the class knows such shares, and its model has numbers of its own for large heads
        shares = {"mrope_section": [half - 2 * third, third, third]}
        told: dict[str, Any] = {"rope_type": "default"} | shares
        nested = [kind for kind, own in turned.items() if isinstance(own, dict)]
        made = plain(sheet.config)
        if (
            getattr(made, "rope_parameters", None) == {}
        ):  # it is to tell of each kind of layer, and tells of none
            nested = sorted(set(getattr(made, "layer_types", ())))
            told |= {"rope_theta": 10000.0}
        sheet.after["rope_parameters"] = {kind: told for kind in nested} if nested else told


def _has_shares(config: Any) -> bool:
    """Whether the class is of text alone, and its model has such shares where nothing is said, of large heads."""
    reads = "vocab_size" in config.__dataclass_fields__ and not getattr(config, "sub_configs_defaults", None)
    return reads and bool(shares_in_source(config))


def stages_by_name(sheet: Sheet) -> None:
    """Let a backbone whose stages are its layers give maps of as many of them, from the first on."""
    named = sheet.before.get("out_features")
    layers = next((name for name, _ in sheet.single(Quantity.LAYERS)), None)
    if layers is None or sheet.stages or not isinstance(named, list):
        return
    if any(name == f"stage{number}" for name in named for number in range(sheet.after[layers] + 1, 100)):
        sheet.after["out_features"] = [f"stage{place + 1}" for place in range(len(named))]
        sheet.after[layers] = max(sheet.after[layers], len(named))


def named_tokens(sheet: Sheet) -> None:
    """Let there be a token for padding, and one that a decoder starts with, where the defaults have none."""
    if "pad_token_id" in sheet.before and sheet.before["pad_token_id"] is None:
        sheet.after["pad_token_id"] = 0
    if sheet.config.is_encoder_decoder and sheet.before.get("decoder_start_token_id") is None:
        sheet.after["decoder_start_token_id"] = 0


def assigned_tokens(sheet: Sheet) -> None:
    """Let tokens that a class puts where the defaults have none lie within the small vocabulary, as GLM's ends do."""
    unsaid = [
        name
        for name, counts in sheet.counts.items()
        if counts is Quantity.TOKEN and sheet.before[name] is None and sheet.after.get(name) is None
    ]
    made = plain(sheet.config) if unsaid else None
    for name in unsaid:
        value: Any = getattr(made, name, None)
        every = value if is_counts(value) else [value]
        if all(is_count(each) and each >= VOCABULARY for each in every):
            sheet.after[name] = [next(sheet.ids) for _ in every] if is_counts(value) else next(sheet.ids)


def first_language(sheet: Sheet) -> None:
    """Let a model that must be told its language, of those that it lists, have the first of them."""
    listed: Any = sheet.before.get("languages")
    if "default_language" in sheet.before and sheet.before["default_language"] is None and listed:
        sheet.after["default_language"] = listed[0]


def norms_that_see_a_mask(sheet: Sheet) -> None:
    """Let a speech encoder normalise each frame: a norm over time sees what a mask hides, and is used without one."""
    if sheet.before.get("feat_extract_norm") == "group":
        sheet.after["feat_extract_norm"] = "layer"


def named_vocabulary(sheet: Sheet) -> None:
    """Let there be a vocabulary where the defaults leave it to a checkpoint, as speech models do."""
    for name, counts in sheet.counts.items():
        if counts is Quantity.VOCABULARY and sheet.before[name] is None:
            sheet.after[name] = VOCABULARY


def few_convolutions(sheet: Sheet) -> None:
    """Let three convolutions shorten a sound, where there are more of them.

    Each one makes what torch.export must prove about a sound's length larger: seven take 30 s for one export.
    """
    sizes: dict[str, Any] = {
        name: sheet.before.get(name) for name in ("conv_kernel", "conv_stride", "conv_dim")
    }
    if not all(is_counts(value) and len(value) > len(_KERNELS) for value in sizes.values()):
        return
    sheet.after["conv_kernel"] = [sizes["conv_kernel"][0], *_KERNELS[1:]]
    sheet.after["conv_stride"] = [sizes["conv_stride"][0], *_STRIDES[1:]]
    sheet.after["conv_dim"] = list(sheet.after["conv_dim"][: len(_KERNELS)])


def cut_images(sheet: Sheet, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sizes that images are cut from, if there are any: as many pieces of the small image size as before.

    `arguments` are those of the whole configuration, with its parts.
    """
    found: dict[str, Any] = {}
    for name in sheet.before:
        if name.endswith("grid_pinpoints"):
            whole = sheet.config()
            piece, small = whole.vision_config.image_size, arguments["vision_config"].get("image_size")
            if small is not None:
                found[name] = [[side // piece * small for side in size] for size in getattr(whole, name)]
    return found


def input_pictures(sheet: Sheet) -> None:
    """Let pictures be small whose size is called that of the input, where they are cut into patches."""
    if is_count(sheet.before.get("input_size")) and "patch_size" in sheet.before:
        sheet.after["input_size"] = min(sheet.before["input_size"], 64)


RELATIONS: Final[tuple[Callable[[Sheet], None], ...]] = (
    equals,
    head_widths,
    stages,
    lists_by_layer,
    places_among_layers,
    last_windows,
    layer_kinds,
    rotary_shares,
    stages_by_name,
    named_tokens,
    assigned_tokens,
    first_language,
    norms_that_see_a_mask,
    named_vocabulary,
    few_convolutions,
    input_pictures,
)
"""Applied in this order, once every quantity has its number."""
