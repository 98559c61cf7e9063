"""The image processor of a type that transformers' table does not know: that of the type whose code it shares most."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Final

from ipfs_accelerate_generator.spec import ModelSpec

_SHARED: Final = re.compile(r"transformers\.models\.(\w+)\.modeling|^from \.\.(\w+)\.modeling", re.MULTILINE)
"""What a source says of another: a class copied from there, or made of one there."""


def image_processor(spec: ModelSpec) -> str:
    """Return the class of the type's pictures that needs no torchvision; "" where there is none.

    A checkpoint of a type that the table leaves out says itself which class it has, and that is one of a relative's.
    """
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

    if spec.processors.image_processor or spec.model_type in IMAGE_PROCESSOR_MAPPING_NAMES:
        return spec.processors.image_processor
    for kind in _relatives(getattr(import_module(spec.module), spec.config).__module__):
        known = IMAGE_PROCESSOR_MAPPING_NAMES.get(kind)
        if known:
            return str(known.get("pil") or "")
    return ""


def _relatives(module: str) -> list[str]:
    """Return the models whose code the sources of `module` share, by their folders: the most shared first."""
    folder = Path(str(import_module(module).__file__)).parent
    texts = [each.read_text() for each in sorted(folder.glob("mod*_*.py"))]
    found = Counter(first or second for text in texts for first, second in _SHARED.findall(text))
    return [name for name, _ in found.most_common() if name != folder.name]
