"""The inputs of a head without what it does not ask for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from ipfs_accelerate_generator.survey.subject import Candidate


def narrower(candidate: Candidate, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names` without masks that the signature does not require."""
    return tuple(
        name for name in names if name not in _unneeded(names, inspect.signature(candidate.call).parameters)
    )


def _unneeded(names: tuple[str, ...], signature: Mapping[str, inspect.Parameter]) -> frozenset[str]:
    return frozenset(
        name
        for name in names
        if name.endswith("mask") and signature[name].default is not inspect.Parameter.empty
    )
