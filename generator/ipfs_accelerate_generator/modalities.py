"""What the inputs of a head carry: text, image, video, audio, or a series in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ipfs_accelerate_generator.spec import Head

CARRIES: Final[Mapping[str, str]] = {
    "input_ids": "text",
    "pixel_values": "image",
    "image": "image",
    "image_pixel_values": "image",
    "flattened_patches": "image",
    "pixel_values_videos": "video",
    "input_values": "audio",
    "input_features": "audio",
    "audio_input_features": "audio",
    "past_values": "time-series",
}
"""The modality that an input carries; inputs that go with another (masks, segments) carry none of their own."""

_WORDS: Final[Mapping[str, str]] = {"image": "image", "video": "video", "audio": "audio", "speech": "audio"}
"""What a task is given, by the words of its name that stand before "to"."""


def asked(task: str) -> tuple[str, ...]:
    """Return what the name of `task` says that it is given: "image" of "image-text-to-text"."""
    given = task.partition("-to-")[0].split("-")
    return tuple(dict.fromkeys(_WORDS[word] for word in given if word in _WORDS))


def modalities(heads: Iterable[Head]) -> tuple[str, ...]:
    """Return what the inputs of `heads` carry, in the order of text, image, video, audio."""
    given = {
        "pixel_values_videos" if name == "pixel_values" and "video" in head.task.split("-") else name
        for head in heads
        for name in head.inputs
    }
    return tuple(dict.fromkeys(modality for name, modality in CARRIES.items() if name in given))
