"""Inputs that the signature of a class does not name: what its layers are handed on as it was given by keyword."""

from __future__ import annotations

import inspect
from typing import Any

from ipfs_accelerate_generator.survey.rules.table import RULES
from ipfs_accelerate_generator.survey.subject import Candidate


def handed_on(candidate: Candidate, model: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names` and what layers of `model` take that its own signature has for `**kwargs` alone.

    A layer that is given none of it may fail, although nothing says that the class wants it.
    """
    signature = inspect.signature(candidate.call).parameters
    if all(each.kind is not each.VAR_KEYWORD for each in signature.values()):
        return names
    taken = {
        name
        for layer in model.modules()
        for name, each in inspect.signature(layer.forward).parameters.items()
        if each.default is None
    }
    return (*names, *(name for name in RULES if name in taken and name not in signature))
