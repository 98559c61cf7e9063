"""Sounds for encoders whose convolutions over the samples are in their code, and in no field of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from ipfs_accelerate_py.skills.audio import AudioInput

CONVOLUTIONS: Final[Mapping[str, tuple[tuple[int, int], ...]]] = {"moonshine": ((127, 64), (7, 3), (3, 2))}
"""Kernel and stride of each, by model type."""


class ConvolvedInput(AudioInput):
    """The feature extractor of a checkpoint whose model is known by its type to need so many samples."""

    @cached_property
    def _convolutions(self) -> list[tuple[int, int]]:
        return list(CONVOLUTIONS[str(self.checkpoint.config["model_type"])])
