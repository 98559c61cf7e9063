"""Wrong inputs: what a control gives a model in place of each right one."""

from __future__ import annotations

from typing import Final

import numpy as np

from ipfs_accelerate_py.evidence.cells import EvidenceError
from ipfs_accelerate_py.evidence.comparison import Array
from ipfs_accelerate_py.skills.pictured import PLACES
from ipfs_accelerate_py.skills.vision_language import PATCHES, TAPS

_MASKS: Final = ("attention_mask", "pixel_mask")  # what they hide must be hidden


def wrongs(name: str, array: Array) -> list[Array]:
    """Return the ways in which the input `name`, here `array`, is made wrong.

    Raises:
        EvidenceError: it is a mask that hides nothing, or an input that is made wrong in no known way.
    """
    found = [_wrong(name, array)]
    if name == "attention_mask":
        found.append(np.where(np.cumsum(array, axis=-1) % 2 == 0, 0, array))  # every second token is hidden
    if _places(name, array):
        found.append(np.zeros_like(array))  # to a distance, backwards is much the same
    return found


def _wrong(name: str, array: Array) -> Array:
    if array.dtype.kind == "f":
        # A sound is played backwards; a picture, or the bands of a spectrogram, put upside down.
        return np.ascontiguousarray(array[:, ::-1] if array.ndim == 2 else array[..., ::-1, :])
    if name == TAPS or _places(name, array):
        return np.ascontiguousarray(array[..., ::-1])
    if name in ("input_ids", PLACES):
        return np.roll(array, 1, axis=-1)
    if name == "decoder_input_ids":  # often a single token, which has no place to be moved to
        return np.where(array > 0, array - 1, 1)
    if name == "positions":
        return np.asarray(np.maximum(array - 1, 0))
    if name in _MASKS and not (array == 0).any():
        raise EvidenceError(
            "no row is padded, so that ignoring the mask would change nothing; give inputs of unequal length"
        )
    if set(np.unique(array)) <= {0, 1}:
        return np.ones_like(array) if name in _MASKS else 1 - array
    raise EvidenceError(f"input {name!r} is made wrong in no known way")


def _places(name: str, array: Array) -> bool:
    """Whether `array` holds the places of tokens or patches."""
    return name == PATCHES or (name == "position_ids" and array.ndim == 3)
