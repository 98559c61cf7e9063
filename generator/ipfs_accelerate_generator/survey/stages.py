"""Backbones: parts of a model that give feature maps of some of their stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huggingface_hub.errors import StrictDataclassError

from ipfs_accelerate_generator.values import Value


def all_stages(config: Any, arguments: Mapping[str, Any]) -> dict[str, Value]:
    """Return the arguments of `config`, a config class, whose backbone gives the maps of all its stages.

    Empty where there is no such part, where it gives them already, or where there is no such configuration.
    """
    found: dict[str, Value] = {}
    try:
        whole = config(**arguments)
    except (StrictDataclassError, LookupError, TypeError, ValueError):  # whoever builds the head says why
        return found
    for name, value in vars(whole).items():
        inner, stages = arguments.get(name), (getattr(value, "stage_names", None) or [])[1:]
        if isinstance(inner, dict) and stages and inner.get("out_features") not in (None, stages):
            found[name] = inner | {"out_features": list(stages)}
    return found
