"""What transformers itself writes after arrays some of which lie packed, for generated tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ipfs_accelerate_py.evidence.writing import NEW
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.rereading import UNREAD


def followed_packed(model: Any, item: Mapping[str, Array], packed: Sequence[str]) -> list[int]:
    """Return the tokens that `generate()` of `model` gives after one text's arrays, the likeliest each.

    Those that are `packed` come without an axis of texts, as the class has them.
    """
    import torch

    arrays = {
        name: torch.from_numpy(np.array(array) if name in packed else np.array(array)[None])
        for name, array in item.items()
    }
    unread = [place for each in UNREAD if (place := getattr(model.config, each, None)) is not None]
    more: dict[str, Any] = {"suppress_tokens": unread} if unread else {}
    with torch.inference_mode():
        whole = model.generate(**arrays, max_new_tokens=NEW, do_sample=False, num_beams=1, **more)
    found: list[int] = whole[0, arrays["input_ids"].shape[1] :].tolist()
    return found
