"""Sounds in a text: the token that stands for a part of one, and how many of them a model has vectors for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import signature
from typing import Any, Final

from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.placed import named, vectors
from ipfs_accelerate_generator.survey.shape import Shape
from ipfs_accelerate_generator.survey.subject import SurveyError

METHOD: Final = "get_audio_features"
_SOUNDS: Final = frozenset({"input_features", "input_values", "audio_input_ids", "audio_input_features"})
_COUNTED: Final = "audio_embed_sizes"
"""The input that says of each sound how many vectors there are."""
_TOKENS: Final = ("audio_token_id", "audio_token_index")
_MISSED: Final = re.compile(r"[Aa]udio tokens do not match, tokens: (\d+), features: (\d+)")
_SOME: Final = 2
"""Tokens where nobody says how many: one alone is spread by a model of an older kind."""


class Unheard(SurveyError):
    """A model refuses the sound beside a text, whatever its pictures are."""


def sound_token(config: Any) -> int | None:
    """Return the id of the token that stands for a part of a sound, if there is one."""
    return named(config, _TOKENS)


def offered(model: Any, returned: tuple[str, ...]) -> tuple[str, ...]:
    """Return `returned` and, where none of it is a sound, what the model's method makes vectors of, beside a text.

    An extractor may give a sound a name of its own, which the whole processor then changes.
    """
    takes = signature(model.forward).parameters
    if (
        "input_ids" not in takes
        or not hasattr(model, METHOD)
        or not _SOUNDS.intersection(takes).isdisjoint(returned)
    ):
        return returned
    wanted = signature(getattr(model, METHOD)).parameters
    sounds = tuple(name for name in wanted if name in takes and name in _SOUNDS)
    masks = tuple(name for name in wanted if name in takes and name.removesuffix("_mask") in sounds)
    return (*returned, *dict.fromkeys((*sounds, *masks)))


def placeholders(model: Any, made: Mapping[str, Any]) -> int:
    """Return how many tokens of a text stand for the sound of `made` beside it; 0 where a model puts none into it.

    A model without a method for its sounds alone says by itself how many it misses: see `missed`.
    """
    if sound_token(model.config) is None or _SOUNDS.isdisjoint(made) or "input_ids" not in made:
        return 0
    if _COUNTED in made:
        return int(made[_COUNTED].max())
    try:
        found = vectors(model, METHOD, made)
    except FOREIGN as error:
        raise Unheard(str(error)) from error
    return _SOME if found is None else found // int(made["input_ids"].shape[0])


def missed(message: str, shape: Shape) -> int:
    """Return how many tokens of each text `message` wants to stand for a sound; 0 where it says nothing of the kind."""
    said = _MISSED.search(message)
    return int(said[2]) // shape.batch if said and int(said[2]) % shape.batch == 0 else 0
