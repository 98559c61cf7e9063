"""Feature extractors in NumPy, equal to transformers' classes of the same names: from a mono wave to model inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.audio_settings import AudioSettings
from ipfs_accelerate_py.skills.spectrogram import decibels, mel_filters, mel_power


class Extractor(Protocol):
    """Turns a mono wave, (samples,) float32 at `rate`, into the arrays that a model takes."""

    @property
    def rate(self) -> int:
        """Samples a second."""

    @property
    def longest(self) -> int | None:
        """How many samples count, or None if all of any sound do."""

    @property
    def made(self) -> str:
        """The name of the array that holds the sound; others go with it."""

    @property
    def masks(self) -> bool:
        """Whether a sound may be filled up, because the model is told where it ends."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of the array `made`, or None where it follows the sound."""

    def features(self, wave: Array) -> dict[str, Array]:
        """Return the arrays of one wave, without an axis for the batch."""


@dataclass(frozen=True)
class WaveExtractor:
    """The samples themselves, with mean 0 and variance 1 where the checkpoint wants so."""

    settings: AudioSettings
    made = "input_values"
    longest = None
    shape = None

    @cached_property
    def rate(self) -> int:
        """Samples a second."""
        return self.settings.whole("sampling_rate", 16_000)

    @cached_property
    def masks(self) -> bool:
        """Whether sounds in a batch may be filled up; a model whose first norm is over time must not be told."""
        return self.settings.switch("return_attention_mask", False)

    def features(self, wave: Array) -> dict[str, Array]:
        """Return `input_values` and `attention_mask`, (samples,) each."""
        values = np.asarray(wave, dtype=np.float32)
        if self.settings.switch("do_normalize", True):
            values = (values - values.mean()) / np.sqrt(values.var() + np.float32(1e-7))
        return {"input_values": values, "attention_mask": np.ones(len(values), dtype=np.int64)}


@dataclass(frozen=True)
class LogMelExtractor:
    """The log-mel spectrogram of a window of fixed length, which silence fills up."""

    settings: AudioSettings
    made = "input_features"
    masks = True

    @cached_property
    def rate(self) -> int:
        """Samples a second."""
        return self.settings.whole("sampling_rate", 16_000)

    @cached_property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.settings.whole("hop_length", 160)

    @cached_property
    def longest(self) -> int:
        """Samples in the window."""
        return self.settings.whole("chunk_length", 30) * self.rate

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Bands and frames of the window."""
        return self.settings.whole("feature_size", 80), self.longest // self.hop

    @cached_property
    def filters(self) -> Array:
        """The mel filter bank, (bins, bands)."""
        if self.settings.number("dither", 0.0):
            raise self.settings.error("dither adds noise, so that no two answers are alike; set it to 0.0")
        bins = self.settings.whole("n_fft", 400) // 2 + 1
        return mel_filters(
            bins, self.shape[0], lowest=0.0, highest=8000.0, rate=self.rate, scale="slaney", area=True
        )

    def features(self, wave: Array) -> dict[str, Array]:
        """Return `input_features`, (bands, frames), and `attention_mask`, (frames,), of the window."""
        frames = self.shape[1]
        mask = np.zeros(frames, dtype=np.int64)
        mask[: -(-min(len(wave), self.longest) // self.hop)] = 1
        return {"input_features": self.log_mel(wave[: self.longest], self.longest), "attention_mask": mask}

    def log_mel(self, wave: Array, samples: int) -> Array:
        """Return the log-mel spectrogram of `wave`, filled up with silence to `samples`: (bands, frames) float32."""
        filled = np.zeros(max(samples, len(wave)), dtype=np.float32)
        filled[: len(wave)] = wave
        frames = len(filled) // self.hop
        half = self.filters.shape[0] - 1
        heard = min(frames, (len(wave) + half) // self.hop + 1)  # later frames hold silence alone
        log = np.full((self.filters.shape[1], frames), -10, dtype=np.float32)
        power = mel_power(filled, self.filters, hop=self.hop, frames=heard)
        np.log10(np.maximum(power, np.float32(1e-10)), out=log[:, :heard])
        features: Array = (np.maximum(log, log.max() - 8) + 4) / 4
        return features


@dataclass(frozen=True)
class ClapExtractor:
    """The mel spectrogram in decibels of a window of fixed length; a shorter sound is repeated.

    Of a longer one transformers takes a part at random. Here it is the middle one, so that answers can be repeated: of
    the sound where the checkpoint says `rand_trunc`, of each of its thirds, beside the whole, where it says `fusion`.
    """

    settings: AudioSettings
    made = "input_features"
    masks = True

    @cached_property
    def rate(self) -> int:
        """Samples a second."""
        return self.settings.whole("sampling_rate", 48_000)

    @cached_property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.settings.whole("hop_length", 480)

    @cached_property
    def longest(self) -> int:
        """Samples in the window."""
        return self.settings.whole("max_length_s", 10) * self.rate

    @cached_property
    def fuses(self) -> bool:
        """Whether four views of a sound are made, instead of one."""
        return self.settings.choice("truncation", "fusion", ("fusion", "rand_trunc")) == "fusion"

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """Views, frames and bands of the window."""
        return 4 if self.fuses else 1, self.longest // self.hop + 1, self.settings.whole("feature_size", 64)

    @cached_property
    def filters(self) -> Array:
        """The mel filter bank, (bins, bands)."""
        return mel_filters(
            (self.settings.whole("fft_window_size", 1024) >> 1) + 1,
            self.shape[2],
            lowest=self.settings.number("frequency_min", 0),
            highest=self.settings.number("frequency_max", 14_000),
            rate=self.rate,
            scale="htk" if self.fuses else "slaney",
            area=not self.fuses,
        )

    def features(self, wave: Array) -> dict[str, Array]:
        """Return `input_features`, (views, frames, bands)."""
        over = len(wave) - self.longest
        if over > 0 and self.fuses:
            return {"input_features": self._fused(self._decibels(wave))}
        window = wave[over // 2 :][: self.longest] if over > 0 else self._filled(wave)
        view = self._decibels(window)
        return {"input_features": np.ascontiguousarray(np.broadcast_to(view, (self.shape[0], *view.shape)))}

    def _decibels(self, wave: Array) -> Array:
        return decibels(mel_power(wave, self.filters, hop=self.hop)).T

    def _filled(self, wave: Array) -> Array:
        how = self.settings.choice("padding", "repeatpad", ("repeatpad", "repeat", "pad"))
        times = 1 if how == "pad" else self.longest // len(wave) + (how == "repeat")
        repeated = np.tile(wave, times)[: self.longest]
        return np.pad(repeated, (0, self.longest - len(repeated)))

    def _fused(self, whole: Array) -> Array:
        """Return the whole spectrogram, shortened to the window, and the middle windows of its three thirds."""
        frames = self.shape[1]
        if len(whole) == frames:
            return np.stack([whole] * 4)
        thirds = np.array_split(np.arange(len(whole) - frames + 1), 3)
        starts = [int(third[len(third) // 2]) if len(third) else 0 for third in thirds]
        return np.stack([_shortened(whole, frames), *(whole[start : start + frames] for start in starts)])


def _shortened(rows: Array, count: int) -> Array:
    """Return `count` rows, each between two of `rows`, as bilinear interpolation with half-pixel centres has it."""
    # Places have single precision, as PyTorch's, where one of a thousand errs by 6e-5; each is rounded once.
    places = (np.arange(count) + 0.5) * float(np.float32(len(rows) / count)) - 0.5
    places = np.maximum(places, 0).astype(np.float32)
    before = places.astype(np.int64)
    share = (places - before.astype(np.float32))[:, np.newaxis]
    between: Array = rows[before] * (1 - share) + rows[np.minimum(before + 1, len(rows) - 1)] * share
    return between


EXTRACTORS: Mapping[str, Callable[[AudioSettings], Extractor]] = {
    "Wav2Vec2FeatureExtractor": WaveExtractor,
    "WhisperFeatureExtractor": LogMelExtractor,
    "ClapFeatureExtractor": ClapExtractor,
}


def extractor(settings: AudioSettings, usual: str) -> Extractor:
    """Return the extractor that the checkpoint names, or the `usual` one of its type where it names none.

    Raises:
        CheckpointError: it is of a class that nobody wrote here yet.
    """
    return EXTRACTORS[settings.kind(usual, EXTRACTORS)](settings)
