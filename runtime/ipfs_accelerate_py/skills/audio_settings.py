"""What a preprocessor_config.json asks for of a sound, read once and checked."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.preprocessing import FILE

WHOLE_FILE = "processor_config.json"  # as transformers 5 saves a processor, with its parts in one file


@dataclass(frozen=True)
class AudioSettings:
    """The entries of one feature extractor, and the file that they stand in, for messages."""

    path: Path
    entries: dict[str, Any]

    def whole(self, name: str, usual: int) -> int:
        """Return a whole number above 0.

        Raises:
            CheckpointError: the file holds another thing under that name.
        """
        value = self.entries.get(name, usual)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.error(f"{name} is {value!r}; it is a whole number from 1")
        return value

    def number(self, name: str, usual: float) -> float:
        """Return a number that is finite.

        Raises:
            CheckpointError: the file holds another thing under that name.
        """
        value = self.entries.get(name, usual)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self.error(f"{name} is {value!r}; it is a number")
        return float(value)

    def choice(self, name: str, usual: str, known: tuple[str, ...]) -> str:
        """Return one of the words `known`.

        Raises:
            CheckpointError: the file holds another thing under that name.
        """
        value = self.entries.get(name, usual)
        if value not in known:
            raise self.error(f"{name} is {value!r}; known are {', '.join(known)}")
        return str(value)

    def kind(self, usual: str, known: Collection[str]) -> str:
        """Return the class of the feature extractor, one of `known`; `usual` where the file does not say.

        Raises:
            CheckpointError: it is none of them.
        """
        name = str(self.entries.get("feature_extractor_type") or usual)
        if name not in known:
            raise CheckpointError(f"{self.path}: {name} is not known here; known are {', '.join(known)}")
        return name

    def switch(self, name: str, usual: bool) -> bool:
        """Return whether `name` is on."""
        return bool(self.entries.get(name, usual))

    def error(self, fact: str) -> CheckpointError:
        """Return the error that says `fact` about the file."""
        return CheckpointError(f"{self.path}: {fact}; save the feature extractor again")


def audio_settings(checkpoint: Checkpoint) -> AudioSettings:
    """Return what the checkpoint says about its feature extractor.

    Raises:
        CheckpointError: it says nothing: neither preprocessor_config.json nor processor_config.json does.
    """
    if entries := checkpoint.json(FILE):
        return AudioSettings(checkpoint.folder / FILE, entries)
    inner = checkpoint.json(WHOLE_FILE).get("feature_extractor")
    if isinstance(inner, dict):
        return AudioSettings(checkpoint.folder / WHOLE_FILE, inner)
    raise CheckpointError(
        f"{checkpoint.folder}: {FILE} is missing; without it the sampling rate is not known"
    )
