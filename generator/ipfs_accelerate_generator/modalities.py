"""What the inputs of a head carry: text, image, video, audio, or a series in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ipfs_accelerate_generator.spec import Head

CARRIES: Final[Mapping[str, str]] = {
    "input_ids": "text",
    "pixel_values": "image",
    "pixel_values_videos": "video",
    "input_values": "audio",
    "input_features": "audio",
    "past_values": "time-series",
}
"""The modality that an input carries; inputs that go with another (masks, segments) carry none of their own."""


def modalities(heads: Iterable[Head]) -> tuple[str, ...]:
    """Return what the inputs of `heads` carry, in the order of text, image, video, audio."""
    given = {
        "pixel_values_videos" if name == "pixel_values" and "video" in head.task.split("-") else name
        for head in heads
        for name in head.inputs
    }
    return tuple(dict.fromkeys(modality for name, modality in CARRIES.items() if name in given))
