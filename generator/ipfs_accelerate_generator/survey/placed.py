"""What stands in a text for something else: the ids of such tokens, and how many vectors take their places."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ipfs_accelerate_generator.survey.shape import parts

_WRITTEN: Final = "get_image_tokens"
_STATES: Final = "hidden_states"


def named(config: Any, names: Iterable[str]) -> int | None:
    """Return the first id under one of `names` in a configuration or, where that has none, in one inside it."""
    wanted = tuple(names)
    for part in parts(config):
        for name in wanted:
            if isinstance(found := getattr(part, name, None), int):
                return found
    return None


def maker(model: Any, method: str) -> Any | None:
    """Return the model, or the bare one in it, that has `method`; None if there is none."""
    inner = getattr(model, "base_model", model)
    return next((each for each in (model, inner) if hasattr(each, method)), None)


def vectors(model: Any, method: str, made: Mapping[str, Any]) -> int | None:
    """Return how many vectors `method` of the model makes of `made`; None where it has no such method.

    Where another method makes tokens of a text of them, it is these that are counted.
    """
    import torch

    if (output := _output(model, method, made)) is None:
        return None
    found = _found(output)
    written = getattr(maker(model, method), _WRITTEN, None)
    if written is not None and _STATES in inspect.signature(written).parameters:
        with torch.no_grad():
            return int(written(found).numel())
    each = found if isinstance(found, (list, tuple)) else [found]
    return sum(int(one.shape[:-1].numel()) for one in each)


def pooled(model: Any, method: str, made: Mapping[str, Any]) -> bool:
    """Whether `method` of the model gives the vectors for a text in the field where nearly all have them, and no more.

    More of a picture, for the early layers of a decoder, no template of arrays hands on.
    """
    output = _output(model, method, made)
    deeper = getattr(output, "deepstack_features", None)
    return getattr(output, "pooler_output", None) is not None and not deeper


def _output(model: Any, method: str, made: Mapping[str, Any]) -> Any | None:
    import torch

    if (inner := maker(model, method)) is None:
        return None
    with torch.no_grad():
        return getattr(inner, method)(
            **{name: made[name] for name in _taken(model, inner, method) if name in made}
        )


def _found(output: Any) -> Any:
    """Return the vectors in what a method gives: those for the text, or for the first layer that takes some in."""
    for name in ("pooler_output", "last_hidden_state"):
        if (found := getattr(output, name, None)) is not None:
            return found
    _, first = output.deepstack_features[0]
    return first


def _taken(model: Any, inner: Any, method: str) -> tuple[str, ...]:
    """Return what the method takes; one that hands on whatever it is given takes what the bare model's does."""
    own = inspect.signature(getattr(inner, method)).parameters
    open_ = any(each.kind is each.VAR_KEYWORD for each in own.values())
    bare = getattr(model, "base_model", model)
    more = inspect.signature(getattr(bare, method)).parameters if open_ and hasattr(bare, method) else {}
    return tuple(dict.fromkeys((*own, *more)))
