"""Texts with pictures as arrays, for generated tests: random ones, with as many tokens as the model has vectors."""

from __future__ import annotations

from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.head import Port
from ipfs_accelerate_py.skills.shown_arrays import KINDS
from ipfs_accelerate_py.skills.shown_sizes import Sizes
from ipfs_accelerate_py.skills.shown_tower import shown

POSITIONS: Final = 256  # tokens that the small model takes; a picture alone may be a hundred
SPREAD: Final = 0.3  # of the decoder's first weights; at 0.2 some go on with one token for ever
_WORDS: Final = (7, 12, 9)  # tokens of each text, beside those of its pictures
_PICTURES: Final = (1, 2, 0)


def sensitive(tiny: Mapping[str, Any], tokens_field: str) -> dict[str, Any]:
    """Return `tiny` with weights that matter, and texts that are long enough and never end by themselves.

    The dotted `tokens_field` bounds their length. Of random weights, some would end every text at once.
    """
    part, _, field = tokens_field.rpartition(".")
    inner = tiny.get(part) if part and "." not in part else None
    if not isinstance(inner, Mapping):
        return {**tiny, **({field: POSITIONS} if field and not part else {}), "eos_token_id": None}
    more: dict[str, Any] = {field: POSITIONS, "eos_token_id": None}
    if "initializer_range" in inner:
        more["initializer_range"] = SPREAD
    return {**tiny, **({"eos_token_id": None} if "eos_token_id" in tiny else {}), part: {**inner, **more}}


def drawn(
    model: Any, ports: Mapping[str, Port], side_field: str, *, nested: bool, kinds: bool = False
) -> tuple[dict[str, Array], ...]:
    """Return three texts as arrays, with one picture, with two and with none; the token of pictures stands in no other.

    How many tokens stand for a picture, the model tells: as many as it makes vectors of it. With `kinds` each token is
    told to be one of a text or of a picture, for models that ask for it.
    """
    import torch

    random = np.random.default_rng(20260307)
    config = model.config
    with TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        sizes = Sizes(Checkpoint(folder), ports, side_field)
        made = [_pictures(sizes, ports, count, random) for count in _PICTURES]
    image_token = config.image_token_id if hasattr(config, "image_token_id") else config.image_token_index
    words = [place for place in range(20, 60) if place != image_token]
    found: list[dict[str, Array]] = []
    for count, length, arrays in zip(_PICTURES, _WORDS, made, strict=True):
        ids = random.choice(words, length)
        if not count:
            found.append({"input_ids": ids})
            continue
        given = {name: array[np.newaxis] for name, array in arrays.items()} if nested else arrays
        with torch.no_grad():
            vectors = shown(model.eval(), {name: torch.from_numpy(each) for name, each in given.items()})
        each = np.full(len(vectors["vectors"]) // count, image_token)
        pieces = [ids[:2], each, ids[2:5], *([each] * (count - 1)), ids[5:]]
        found.append({"input_ids": np.concatenate(pieces), **given})
    if kinds:
        for item in found:
            item[KINDS] = (item["input_ids"] == image_token).astype(np.int64)
    return tuple(found)


def _pictures(sizes: Sizes, ports: Mapping[str, Port], count: int, random: Any) -> dict[str, Array]:
    made = {name: sizes.drawn(name, max(count, 1)) for name in ports}
    return {
        name: random.standard_normal(array.shape).astype(np.float32) if array.dtype.kind == "f" else array
        for name, array in made.items()
    }


def fed(item: Mapping[str, Array]) -> dict[str, Any]:
    """Return a text as PyTorch takes it: with the axis of texts, and a mask."""
    import torch

    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in item.items()}
    ids = tensors.pop("input_ids").unsqueeze(0)
    if KINDS in tensors:
        tensors[KINDS] = tensors[KINDS].unsqueeze(0)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), **tensors}
