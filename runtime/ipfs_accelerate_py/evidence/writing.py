"""What transformers itself writes after arrays, for generated tests of heads that are given these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.calls import reads
from ipfs_accelerate_py.skills.rereading import UNREAD

NEW: Final = 8  # tokens, each of which takes a reading of all that was before
KEPT: Final = 16  # tokens behind a cache
PLACES: Final = 256  # of tokens that the small model takes; a picture alone may be many
_SEED: Final = 11
_SPREAD: Final = 0.2


def awake(model: Any) -> Any:
    """Return `model` with random numbers in place of weights that begin as zeros, biases apart.

    A gate that is shut before any training hides whether what is behind it matters.
    """
    import torch

    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.endswith("bias") and not parameter.any():
                parameter.normal_(0, _SPREAD, generator=generator)
    return model


def made(model_class: Any, config: Any) -> Any:
    """Return a random `model_class`, awake, of `config`, or of its part about text if that is what the class takes."""
    part = config.get_text_config()
    wants = getattr(model_class, "config_class", None)
    is_of_part = wants is not None and not isinstance(config, wants) and isinstance(part, wants)
    return awake(model_class(part if is_of_part else config))


def followed(
    model: Any, item: Mapping[str, Array], packed: Sequence[str] = (), *, new: int = NEW, beams: int = 1
) -> list[int]:
    """Return the `new` tokens that `generate()` of `model` gives after one item's arrays, the likeliest.

    Those that are `packed` come without an axis of texts, as the class has them.
    """
    import torch

    arrays = {
        name: torch.from_numpy(np.array(array) if name in packed else np.array(array)[None])
        for name, array in item.items()
    }
    name = reads(tuple(arrays))
    unread = [place for each in UNREAD if (place := getattr(model.config, each, None)) is not None]
    more: dict[str, Any] = {"suppress_tokens": unread} if unread else {}
    if name == "decoder_input_ids":  # as they are: another token at their beginning would be put before it
        more["decoder_start_token_id"] = int(item[name][0])
    with torch.inference_mode():
        whole = model.generate(**arrays, max_new_tokens=new, do_sample=False, num_beams=beams, **more)
    first = 0 if name == "inputs_embeds" else arrays[name].shape[1]
    found: list[int] = whole[0, first:].tolist()
    return found
