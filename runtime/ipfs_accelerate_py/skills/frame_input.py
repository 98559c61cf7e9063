"""Sounds to rows of bands, one for each frame, as a checkpoint's own settings say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.audio import AudioInput, Sound
from ipfs_accelerate_py.skills.audio_settings import audio_settings
from ipfs_accelerate_py.skills.frame_features import FRAME_EXTRACTORS, FrameExtractor

_SHORTENING = ("subsampling_factor", "encoder_subsampling_factor")  # rows of the input for one of the model


class FrameInput(AudioInput):
    """The feature extractor of a checkpoint whose model takes a row of bands for each frame."""

    @cached_property
    def extractor(self) -> FrameExtractor:
        """How the checkpoint makes features of a wave.

        Raises:
            CheckpointError: its preprocessor_config.json is missing, wrong, or names an extractor that is not known.
        """
        settings = audio_settings(self.checkpoint)
        return FRAME_EXTRACTORS[settings.kind(self.usual, FRAME_EXTRACTORS)](settings)

    @cached_property
    def shortest(self) -> int:
        """The number of samples that the extractor and the model need."""
        needed = max(self.extractor.least, self.frames * self._shortened)
        return self.extractor.shortest + (needed - self.extractor.least) * self.extractor.step

    @cached_property
    def ratio(self) -> int:
        """Samples from one frame of the model to the next."""
        return self.extractor.step * self._shortened

    @cached_property
    def _shortened(self) -> int:
        """Rows of the input for one frame of the model."""
        parts = [self.checkpoint.config, *self.checkpoint.config.values()]
        found = (part.get(name) for part in parts if isinstance(part, dict) for name in _SHORTENING)
        return next((each for each in found if isinstance(each, int)), 1)

    def given(self, item: Mapping[str, Any], index: int) -> Sound:
        """Return arrays that somebody made ready, checked."""
        sound = super().given(item, index)
        rows = sound.arrays[self.extractor.made]
        mask = {"attention_mask": np.ones(len(rows), dtype=np.int64)}
        return Sound({name: {**sound.arrays, **mask}[name] for name in self.names})

    def _checked(self, given: Any, index: int) -> Array:
        made, wanted = self.extractor.made, self.extractor.shape
        try:
            with np.errstate(
                over="ignore"
            ):  # beyond float32 a number becomes infinite, and is refused as such
                rows = np.asarray(given, dtype=np.float32)
        except (ValueError, TypeError, RuntimeError) as error:
            raise InputError(f"{made} are no array of numbers: {error}", index=index) from error
        rows = rows[0] if rows.ndim == 3 and rows.shape[0] == 1 else rows
        fits = rows.shape == wanted if wanted else rows.ndim == 2 and rows.shape[1] == self.extractor.width
        if not fits or len(rows) < self._shortened * self.frames:
            shape = wanted or f"({self._shortened * self.frames} frames or more, {self.extractor.width})"
            raise InputError(
                f"{made} have the shape {rows.shape}; the model takes {shape}, and several as a list",
                index=index,
            )
        if not np.isfinite(rows).all():
            raise InputError(f"{made} hold values that are not finite", index=index)
        return rows
