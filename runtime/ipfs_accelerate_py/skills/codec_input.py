"""Sounds for models that make codes of them: the samples themselves, filled up to whole frames with silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.audio import AudioInput
from ipfs_accelerate_py.skills.audio_settings import AudioSettings, audio_settings

CODES = "audio_codes"


@dataclass(frozen=True)
class WholeFrames:
    """The samples as they are, with silence up to a whole number of frames, as transformers' DacFeatureExtractor."""

    settings: AudioSettings
    made: ClassVar[str] = "input_values"
    longest: ClassVar[int | None] = None
    masks: ClassVar[bool] = False
    shape: ClassVar[tuple[int, ...] | None] = None

    @cached_property
    def rate(self) -> int:
        """Samples a second."""
        return self.settings.whole("sampling_rate", 16_000)

    @cached_property
    def hop(self) -> int:
        """Samples of one frame."""
        return self.settings.whole("hop_length", 512)

    def features(self, wave: Array) -> dict[str, Array]:
        """Return `input_values`, (samples,)."""
        if self.settings.whole("feature_size", 1) != 1:
            raise self.settings.error("feature_size is not 1; sounds of one channel alone are made here")
        return {self.made: np.pad(np.asarray(wave, dtype=np.float32), (0, -len(wave) % self.hop))}


CODEC_EXTRACTORS: Mapping[str, type[WholeFrames]] = {"DacFeatureExtractor": WholeFrames}


class CodecInput(AudioInput):
    """The feature extractor of a checkpoint that makes codes of sounds, and sounds of codes."""

    @cached_property
    def extractor(self) -> WholeFrames:
        """How the checkpoint makes features of a wave.

        Raises:
            CheckpointError: its preprocessor_config.json is missing, wrong, or names an extractor that is not known.
        """
        settings = audio_settings(self.checkpoint)
        return CODEC_EXTRACTORS[settings.kind(self.usual, CODEC_EXTRACTORS)](settings)

    @cached_property
    def books(self) -> int | None:
        """How many code books the checkpoint has; None if it does not say.

        Where it says how many bits a second there are at most, as many as those fill with the codes of each frame.
        """
        known = self.checkpoint.config
        rates, size, rate = (
            known.get(name) for name in ("target_bandwidths", "codebook_size", "sample_rate")
        )
        if (
            isinstance(rates, list)
            and isinstance(size, int)
            and isinstance(rate, int)
            and rate > 0
            and size > 1
        ):
            bits = -(-rate // self.extractor.hop) * (size - 1).bit_length()
            return int(1000 * rates[-1] // bits) if rates else None
        books = known.get("n_codebooks")
        return books if isinstance(books, int) else None

    def codes(self, given: Any, index: int) -> Array:
        """Return the codes of a sound, (codebooks, frames), checked.

        Raises:
            InputError: they are no whole numbers, of another number of code books, or out of a book.
        """
        books, size = self.books, self.checkpoint.config.get("codebook_size")
        try:
            found = np.asarray(given)
        except ValueError as error:
            raise InputError(f"{CODES} are no array: {error}", index=index) from error
        found = found[0] if found.ndim == 3 and len(found) == 1 else found
        if found.dtype.kind not in "iu" or found.ndim != 2 or not found.size:
            raise InputError(f"{CODES} are whole numbers, (codebooks, frames)", index=index)
        if books is not None and len(found) != books:
            raise InputError(f"{CODES} have {len(found)} code books; the model has {books}", index=index)
        if found.min() < 0 or (isinstance(size, int) and found.max() >= size):
            raise InputError(f"{CODES} are from 0 to {size} - 1", index=index)
        return found.astype(np.int64)

    @property
    def sample_codes(self) -> Array:
        """Codes of two books and more that any checkpoint has, (codebooks, frames)."""
        count = self.books or 1
        return np.arange(count * 8).reshape(count, 8) % 2
