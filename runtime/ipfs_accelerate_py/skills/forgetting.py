"""Models that remember what they were given forget it before each call: an answer is of that call alone."""

from __future__ import annotations

from collections.abc import MutableMapping
from copy import deepcopy
from typing import Any, Final

_REMEMBERED: Final = "cache"


def forgetful(model: Any) -> Any:
    """Return `model`, with each cache of its own as it was made whenever a call begins.

    Some classes keep the vectors of texts by their words (`models/omdet_turbo`). What is found there was computed
    beside other texts than those of the call, or for other places of padding.
    """
    fresh = {
        (path, name): deepcopy(value)
        for path, part in model.named_modules()
        for name, value in vars(part).items()
        if isinstance(getattr(value, _REMEMBERED, None), MutableMapping)
    }

    def forget(called: Any, _inputs: Any) -> None:
        for (path, name), value in fresh.items():
            setattr(called.get_submodule(path), name, deepcopy(value))

    if fresh:
        model.register_forward_pre_hook(forget)
    return model
