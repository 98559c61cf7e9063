"""Whether vectors of pictures can stand in place of tokens: what every session of a text with pictures relies on."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.pictured import KINDS, image_token, kinds
from ipfs_accelerate_generator.survey.shape import number
from ipfs_accelerate_py.evidence.comparison import TOLERANCE
from ipfs_accelerate_py.evidence.writing import awake
from ipfs_accelerate_py.skills.patch_grids import spread
from ipfs_accelerate_py.skills.shown_sizes import PATCHES, WHOLE
from ipfs_accelerate_py.skills.shown_tower import following, shown

_GRIDS: Final = "image_grid_thw"
_MERGES: Final = ("spatial_merge_size", "merge_size")


def read_as_tokens(model: Any, made: Mapping[str, Any]) -> bool:
    """Whether `model` answers vectors as it answers `made`, if those of pictures stand where tokens stood for them.

    A decoder behind an encoder, or one that takes pictures in elsewhere, counts its places in another way or has no use
    for them, does not.
    Where there is no token for pictures, or something that sessions know nothing of, this does not say: it is true.
    """
    import torch

    token = image_token(model.config)
    if token is None or not {*WHOLE, *PATCHES, "input_ids", "attention_mask", KINDS}.issuperset(made):
        return True
    ids = made["input_ids"]
    inputs = {
        name: torch.ones_like(each) if name == "attention_mask" else each for name, each in made.items()
    }
    model = awake(copy.deepcopy(model))
    try:
        with torch.no_grad():
            vectors = model.get_input_embeddings()(ids).clone()
            pictures = {name: made[name] for name in made if name in {*WHOLE, *PATCHES}}
            vectors[ids == token] = shown(model, pictures)["vectors"].to(vectors.dtype)
            given = {"inputs_embeds": vectors, "attention_mask": torch.ones_like(ids)}
            places = _places(model, made)
            found = following(model, **given, position_ids=places)
            elsewhere = following(model, **given, position_ids=places.flip(-1))
            want = model(**inputs, use_cache=False).logits[:, -1]
    except FOREIGN:
        return False
    if torch.equal(found, elsewhere):
        return False
    return bool((found - want).abs().max() <= TOLERANCE * want.abs().max())


def _places(model: Any, made: Mapping[str, Any]) -> Any:
    """Return the place of each token, or those in time, height and width where pictures have grids of these."""
    import torch

    ids = made["input_ids"]
    if _GRIDS not in made:
        return torch.arange(ids.shape[1]).expand_as(ids)
    merge = number(model.config, _MERGES, 2)
    grids = made[_GRIDS].reshape(len(ids), -1, 3)
    here = kinds(ids, model.config)
    rows = [spread(row.numpy(), grid.numpy(), merge) for row, grid in zip(here, grids, strict=True)]
    return torch.stack([torch.from_numpy(row) for row in rows]).permute(2, 0, 1)
