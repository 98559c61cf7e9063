"""What a model that sees or hears cannot do without, and no default says: tokens in a text, words of a code book."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from ipfs_accelerate_generator.survey.quantities import Quantity, is_count, is_counts
from ipfs_accelerate_generator.survey.sheet import Sheet, plain

# Below 20, from where on ids stand for words, and above those that are given out in turn.
_TOKENS: Final = {"image": 19, "video": 18, "audio": 17}
_CODES: Final = 40  # the first id of a code: as many as a code book has follow it
_WINDOW: Final = 8
# How the models that read their own pictures spell a code by its number, where their source knows how it begins.
_SPELLED: Final[dict[str, Callable[[int], str]]] = {
    "IMGIMG": lambda code: "IMGIMG" + "".join("ABCDEFGHIJ"[int(each)] for each in str(code)) + "Z",
    "<|visual token": lambda code: f"<|visual token {code:06}|>",
}


@cache
def source(config: Any) -> str:
    """Return the text of the module with the models of the class `config`, or "" where there is none."""
    try:
        return inspect.getsource(importlib.import_module(_models(config)))
    except (ImportError, OSError):
        return ""


def _models(config: Any) -> str:
    return str(config.__module__).replace(".configuration_", ".modeling_")


def shares_in_source(config: Any) -> tuple[int, ...]:
    """Return the shares of a head that turn with time, height and width, as a model has them where nothing is said."""
    found = re.search(r'"mrope_section", \[(\d+), (\d+), (\d+)\]', source(config))
    return tuple(int(each) for each in found.groups()) if found else ()


def tokens_that_stand(sheet: Sheet) -> None:
    """Let there be a token for a part of a picture, a film or a sound, where the class leaves it to a checkpoint."""
    for name in sheet.counts:
        if sheet.before[name] is None and name.endswith(("_token_id", "_token_index")):
            sheet.after[name] = _TOKENS.get(name.rpartition("_token")[0])


def code_words(sheet: Sheet) -> None:
    """Let each code of a small code book have a word, and so the token for a picture, where there is a map of them."""
    if "vocabulary_map" not in sheet.before:
        return
    spelled = next((spell for start, spell in _SPELLED.items() if start in source(sheet.config)), None)
    if spelled is None:
        return
    words = {"<image>": _TOKENS["image"], "<|extra_200|>": _TOKENS["video"]}
    sheet.after["vocabulary_map"] = words | {spelled(code): _CODES + code for code in range(64)}


def windows_of_layers(sheet: Sheet) -> None:
    """Let there be a window, where the model knows layers that have one."""
    unset = "sliding_window" in sheet.before and sheet.before["sliding_window"] is None
    if unset and '"sliding_attention"' in source(sheet.config):
        sheet.after["sliding_window"] = _WINDOW
        if "num_sliding_attention_heads" in sheet.before:
            sheet.after["num_sliding_attention_heads"] = sheet.how.heads


def necks(sheet: Sheet) -> None:
    """Let what a neck makes of a map be as wide as the tower behind it, if all widths are equal."""
    for name, value in sheet.listed(Quantity.OTHER):
        if name.endswith("downsample_channels") and not (sheet.how.divide or sheet.how.keep_widths):
            sheet.after[name] = type(value)([sheet.how.width] * len(value))


def layers_seen(sheet: Sheet) -> None:
    """Let a layer take in what one of the tower gives, where a map of them has no default."""
    if "deepstack_layer_map" in sheet.before and sheet.before["deepstack_layer_map"] is None:
        sheet.after["deepstack_layer_map"] = [[0, 0]]
        if sheet.before.get("downsample_rate", "") is None:
            sheet.after["downsample_rate"] = "1/2"


def alike_shares(sheet: Sheet) -> None:
    """Let shares of a head that are alike in the model's own be alike again: what turns with them is woven together."""
    told: Any = sheet.after.get("rope_parameters")
    own = shares_in_source(sheet.config)
    if not (isinstance(told, dict) and is_counts(told.get("mrope_section")) and own and own[0] == own[1]):
        return
    half = sum(told["mrope_section"])
    each = max((half - 1) // 2, 1) if half < 6 else half // 3
    if is_count(half) and half > 2 * each:
        sheet.after["rope_parameters"] = told | {"mrope_section": [each, each, half - 2 * each]}


def merged_widths(sheet: Sheet) -> None:
    """Let what merged patches become be as wide as they are side by side, where it is so by default."""
    tower = getattr(plain(sheet.config), "vision_config", None)
    merge: Any = getattr(tower, "merge_size", None)
    if not is_count(merge) or sheet.how.divide or sheet.how.keep_widths:
        return
    for name, value in sheet.single(Quantity.WIDTH):
        if value == getattr(tower, "hidden_size", 0) * merge**2:
            sheet.after[name] = sheet.how.width * merge**2


SENSES: Final[tuple[Callable[[Sheet], None], ...]] = (
    tokens_that_stand,
    code_words,
    windows_of_layers,
    necks,
    layers_seen,
    merged_widths,
    alike_shares,
)
"""Applied last, in a closer look."""
