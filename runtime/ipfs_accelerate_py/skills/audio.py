"""Sounds to what a model takes: read, resampled, and made into features as the checkpoint's own settings say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.audio_features import Extractor, extractor
from ipfs_accelerate_py.skills.audio_file import opened
from ipfs_accelerate_py.skills.audio_settings import audio_settings
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.resampling import resampled
from ipfs_accelerate_py.skills.windows import Window, cut, windows

READY = ("input_values", "input_features")  # names of arrays that need no extractor any more


@dataclass(frozen=True)
class Sound:
    """One sound made ready: its arrays by name, without an axis for the batch."""

    arrays: dict[str, Array]
    notice: str | None = None


@dataclass(frozen=True)
class AudioInput:
    """The feature extractor of a checkpoint, for a model whose forward takes `names`.

    `usual` is the extractor of the model type, for checkpoints that do not name theirs; `frames` is how many the task
    needs at least.
    """

    checkpoint: Checkpoint
    names: tuple[str, ...]
    usual: str
    frames: int = 1

    @cached_property
    def extractor(self) -> Extractor:
        """How the checkpoint makes features of a wave.

        Raises:
            CheckpointError: its preprocessor_config.json is missing, wrong, or names an extractor that is not known.
        """
        return extractor(audio_settings(self.checkpoint), self.usual)

    @property
    def rate(self) -> int:
        """Samples a second, as the model wants them."""
        return self.extractor.rate

    @cached_property
    def padding(self) -> dict[str, int]:
        """What is filled up, and with what, where sounds of unequal length go together; nothing if they must not."""
        open_ended = self.extractor.shape is None and self.extractor.masks and "attention_mask" in self.names
        return dict.fromkeys(self.names, 0) if open_ended else {}

    @cached_property
    def _convolutions(self) -> list[tuple[int, int]]:
        """Kernel and stride of each convolution over the samples; none where the checkpoint takes spectrograms."""
        kernels, strides = (self.checkpoint.config.get(f"conv_{name}") for name in ("kernel", "stride"))
        if self.extractor.shape is not None or not isinstance(kernels, list) or not isinstance(strides, list):
            return []
        return list(zip(kernels, strides, strict=True))

    @cached_property
    def shortest(self) -> int:
        """The number of samples that the model needs; 1 where it has no convolutions over them."""
        needed = self.frames
        for kernel, stride in reversed(self._convolutions):
            needed = (needed - 1) * stride + kernel
        return needed if self._convolutions else 1

    @cached_property
    def ratio(self) -> int:
        """Samples from one frame of the model to the next."""
        return prod(stride for _, stride in self._convolutions)

    def wave(self, item: Any, index: int | None = None) -> Array:
        """Return one sound as (samples,) float32 at the model's rate; an array without a rate is taken to have it.

        Raises:
            InputError: the item is no sound, cannot be read, or is too short for the model.
        """
        given = opened(item, index)
        wave = resampled(given.samples, given.rate or self.rate, self.rate)
        if len(wave) < self.shortest:
            raise InputError(
                f"has {len(wave)} samples at {self.rate} a second; the model needs at least {self.shortest}",
                index=index,
            )
        return wave

    def features(self, wave: Array) -> Sound:
        """Return a wave at the model's rate as what the model takes; what is over the limit is cut off."""
        longest, notice = self.extractor.longest, None
        if longest is not None and len(wave) > longest:
            seconds, taken = (samples / self.rate for samples in (len(wave), longest))
            notice = f"truncated: {seconds:.2f} seconds of sound, of which the checkpoint takes {taken:g}"
        made = self.extractor.features(wave)
        return Sound({name: made[name] for name in self.names}, notice)

    def encode(self, items: Sequence[Any]) -> list[Sound]:
        """Return each sound as what the model takes; ready arrays, {"input_values": ...}, are checked and passed on.

        Raises:
            InputError: an item cannot be used; its index says which.
        """
        return [
            (
                self.given(item, index)
                if isinstance(item, Mapping) and any(name in item for name in READY)
                else self.features(self.wave(item, index))
            )
            for index, item in enumerate(items)
        ]

    def windows(
        self, items: Sequence[Any], chunk_s: Any, stride_s: Any
    ) -> list[list[tuple[Sound, Window | None]]]:
        """Return each sound in windows, as the options `chunk_length_s` and `stride_length_s` say.

        A sound that is not cut is one without a place. What is left at the end and too short for the model is dropped.

        Raises:
            InputError: an item or an option cannot be used; of an item its index says which.
        """
        if not chunk_s:
            return [[(sound, None)] for sound in self.encode(items)]
        found: list[list[tuple[Sound, Window | None]]] = []
        for index, item in enumerate(items):
            wave = self.wave(item, index)
            places = windows(len(wave), self.rate, chunk_s, stride_s, ratio=self.ratio)
            parts = [(cut(wave, place), place) for place in places]
            found.append(
                [(self.features(part), place) for part, place in parts if len(part) >= self.shortest]
            )
            if not found[-1]:
                raise InputError(
                    f"chunk_length_s is {chunk_s!r}; the model needs at least {self.shortest / self.rate:g}"
                )
        return found

    @property
    def sample(self) -> tuple[Any, ...]:
        """Two rising tones at the model's rate, of unequal length where that is allowed in a batch."""
        times = np.arange(max(self.rate // 2, 2 * self.shortest)) / self.rate
        tone = (np.sin(2 * np.pi * (300 + 500 * times) * times) / 2).astype(np.float32)
        return tone, tone[len(tone) // 3 :] if self.padding else tone[::-1]

    def given(self, item: Mapping[str, Any], index: int) -> Sound:
        """Return arrays that somebody made ready, checked."""
        made = self.extractor.made
        if stray := [name for name in item if name not in (made, "sampling_rate")]:
            raise InputError(f"{stray[0]!r} is not taken; this model takes {made!r}", index=index)
        if (rate := item.get("sampling_rate", self.rate)) != self.rate:
            raise InputError(
                f'{made} are at {rate} samples a second; the model takes {self.rate}: give {{"array": ..., '
                '"sampling_rate": ...} instead',
                index=index,
            )
        values = self._checked(item[made], index)
        arrays = {made: values}
        if "attention_mask" in self.names:
            arrays["attention_mask"] = np.ones(values.shape[-1], dtype=np.int64)
        return Sound({name: arrays[name] for name in self.names})

    def _checked(self, given: Any, index: int) -> Array:
        made, shape = self.extractor.made, self.extractor.shape
        try:
            with np.errstate(
                over="ignore"
            ):  # a number beyond float32 becomes infinite, and is refused as such
                values = np.asarray(given, dtype=np.float32)
        except (ValueError, TypeError, RuntimeError) as error:
            raise InputError(f"{made} are no array of numbers: {error}", index=index) from error
        axes = 1 if shape is None else len(shape)
        values = values[0] if values.ndim == axes + 1 and values.shape[0] == 1 else values
        fits = values.ndim == 1 and values.size >= self.shortest if shape is None else values.shape == shape
        if not fits:
            wanted = f"({self.shortest} samples or more,)" if shape is None else str(shape)
            raise InputError(
                f"{made} have the shape {values.shape}; the model takes {wanted}, and several as a list",
                index=index,
            )
        if not np.isfinite(values).all():
            raise InputError(f"{made} hold values that are not finite", index=index)
        return values
