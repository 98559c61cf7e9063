"""Feature extractors that make a row of bands for each frame, equal to transformers' classes of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.audio_settings import AudioSettings
from ipfs_accelerate_py.skills.filter_bank import (
    centred_log_mel,
    kaldi_filters,
    kaldi_log_mel,
    plain_log_mel,
    window,
)
from ipfs_accelerate_py.skills.spectrogram import mel_filters

_LENGTH = 400  # samples of a frame, where the extractor has no setting for it
_HOP = 160
_SIXTEEN_BITS = np.float32(2**15)  # Kaldi's samples are whole numbers


@dataclass(frozen=True)
class FrameExtractor:
    """What extractors of frames share: settings, and how many samples a frame takes."""

    settings: AudioSettings
    made: ClassVar[str] = "input_features"
    longest: ClassVar[int | None] = None
    least: ClassVar[int] = 1
    """How many frames are needed at least."""
    fixed: ClassVar[bool] = False
    """Whether any sound makes as many frames."""

    @cached_property
    def rate(self) -> int:
        """Samples a second."""
        return self.settings.whole("sampling_rate", 16_000)

    @property
    def masks(self) -> bool:
        """Whether a sound may be filled up, because the model is told where it ends."""
        return True

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of the features, or None where it follows the sound."""
        return None

    @property
    def bands(self) -> int:
        """The numbers of one frame."""
        return self.settings.whole("feature_size", 80)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.settings.whole("hop_length", _HOP)

    @property
    def length(self) -> int:
        """Samples of one frame."""
        return self.settings.whole("win_length", _LENGTH)

    @property
    def width(self) -> int:
        """The numbers of one row that is given to the model."""
        return self.bands

    @property
    def step(self) -> int:
        """Samples from one row that is given to the model to the next."""
        return self.hop

    @property
    def shortest(self) -> int:
        """Samples of the shortest sound."""
        return self.length + (self.least - 1) * self.hop

    def features(self, wave: Array) -> dict[str, Array]:
        """Return `input_features`, (frames, bands), and `attention_mask`, (frames,)."""
        raise NotImplementedError

    def _heard(self, rows: Array) -> dict[str, Array]:
        mask = np.ones(len(rows), dtype=np.int64)
        return {self.made: np.ascontiguousarray(rows, dtype=np.float32), "attention_mask": mask}


@dataclass(frozen=True)
class KaldiExtractor(FrameExtractor):
    """Filter banks as Kaldi makes them."""

    curve: ClassVar[str] = "povey"

    @property
    def bands(self) -> int:
        """The numbers of one frame."""
        return self.settings.whole("num_mel_bins", 80)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next; no setting says another."""
        return _HOP

    @property
    def length(self) -> int:
        """Samples of one frame; no setting says another."""
        return _LENGTH

    def log_mel(self, wave: Array) -> Array:
        """Return the logarithm of each band's power, (frames, bands)."""
        if self.settings.number("dither", 0.0):
            raise self.settings.error("dither adds noise, so that no two answers are alike; set it to 0.0")
        filters = kaldi_filters(257, self.bands, lowest=20, highest=self.rate // 2, rate=self.rate)
        return kaldi_log_mel(wave, filters, window(self.curve, self.length), hop=self.hop)


@dataclass(frozen=True)
class SeamlessExtractor(KaldiExtractor):
    """Each band with mean 0 and variance 1 over the sound; several frames in a row are one."""

    least: ClassVar[int] = 2  # of a single frame there is no variance

    @cached_property
    def stride(self) -> int:
        """How many frames are one."""
        return self.settings.whole("stride", 2)

    @property
    def width(self) -> int:
        """The numbers of one row that is given to the model."""
        return self.stride * self.bands

    @property
    def step(self) -> int:
        """Samples from one row that is given to the model to the next."""
        return self.stride * self.hop

    def features(self, wave: Array) -> dict[str, Array]:
        """Return `input_features`, (frames, stride * bands), and `attention_mask`, (frames,).

        A last row that is filled up, which transformers makes and its mask hides, is not among them.
        """
        rows = self.log_mel(np.asarray(wave, dtype=np.float32) * _SIXTEEN_BITS)
        mean, variance = _moments(rows, ddof=1)
        rows = (rows - mean) / np.sqrt(variance + np.float32(1e-7))
        heard = len(rows)
        if heard % 2:  # transformers fills up to an even number, whatever the stride
            rows = np.concatenate([rows, np.zeros_like(rows[:1])])
        whole = len(rows) - len(rows) % self.stride
        joined = rows[:whole].reshape(whole // self.stride, -1)
        lit = (np.arange(whole) < heard)[np.arange(whole) % self.stride == 1]
        return self._heard(joined[: int(lit.sum())])


@dataclass(frozen=True)
class SpeechToTextExtractor(KaldiExtractor):
    """Each band with mean 0 and variance 1 over the sound, where the settings say so."""

    least: ClassVar[int] = 2

    def features(self, wave: Array) -> dict[str, Array]:
        """Return `input_features`, (frames, bands), and `attention_mask`, (frames,)."""
        # Frames lie in rows, as in transformers' padded batch: a sum in another order is rounded differently.
        rows = np.ascontiguousarray(self.log_mel(np.asarray(wave, dtype=np.float32) * _SIXTEEN_BITS))
        if self.settings.switch("do_ceptral_normalize", True):
            if self.settings.switch("normalize_means", True):
                rows = rows - rows.mean(axis=0)
            if self.settings.switch("normalize_vars", True):
                spread = rows.std(axis=0)
                rows = np.divide(rows, spread, out=np.zeros_like(rows), where=spread > 0)
        return self._heard(rows)


@dataclass(frozen=True)
class PictureExtractor(KaldiExtractor):
    """As many frames as the settings say, which the model sees as a picture: longer sounds are cut, shorter filled."""

    made: ClassVar[str] = "input_values"
    curve: ClassVar[str] = "hann"
    fixed: ClassVar[bool] = True

    @property
    def bands(self) -> int:
        """The numbers of one frame."""
        return self.settings.whole("num_mel_bins", 128)

    @property
    def frames(self) -> int:
        """The frames of the picture."""
        return self.settings.whole("max_length", 1024)

    @property
    def longest(self) -> int:  # type: ignore[override]
        """Samples that fill the picture."""
        return self.length + (self.frames - 1) * self.hop

    @property
    def shape(self) -> tuple[int, int]:
        """Frames and bands of the picture."""
        return self.frames, self.bands

    def features(self, wave: Array) -> dict[str, Array]:
        """Return `input_values`, (frames, bands)."""
        rows = self.log_mel(np.asarray(wave, dtype=np.float32))[: self.frames]
        picture = np.zeros(self.shape, dtype=np.float32)
        picture[: len(rows)] = rows
        if self.settings.switch("do_normalize", True):
            mean, spread = self.settings.number("mean", -4.2677393), self.settings.number("std", 4.5689974)
            picture = (picture - np.float32(mean)) / np.float32(spread * 2)
        return self._heard(picture)


@dataclass(frozen=True)
class CentredExtractor(FrameExtractor):
    """Frames around each hop of an emphasised sound; each band with mean 0 and variance 1."""

    least: ClassVar[int] = 2

    @property
    def shortest(self) -> int:
        """Samples of the shortest sound: two hops, as of one frame there is no variance."""
        return self.least * self.hop

    def features(self, wave: Array) -> dict[str, Array]:
        """Return `input_features`, (frames, bands), and `attention_mask`, (frames,).

        The frame around the end of the sound, which transformers fills with zeros and hides, is not among them.
        """
        samples = np.asarray(wave, dtype=np.float32)
        if self.settings.entries.get("preemphasis", 0.97) is not None:
            share = np.float32(self.settings.number("preemphasis", 0.97))
            samples = np.concatenate([samples[:1], samples[1:] - share * samples[:-1]])
        size = self.settings.whole("n_fft", 512)
        filters = mel_filters(
            size // 2 + 1,
            self.bands,
            lowest=0.0,
            highest=self.rate / 2,
            rate=self.rate,
            scale="slaney",
            area=True,
        )
        rows = centred_log_mel(samples, filters, window("hann", self.length), hop=self.hop)
        heard = len(samples) // self.hop
        mean, variance = _moments(rows[:heard], ddof=1)
        return self._heard((rows[:heard] - mean) / (np.sqrt(variance) + np.float32(1e-5)))


@dataclass(frozen=True)
class LasrExtractor(FrameExtractor):
    """The logarithm of each band's power, from 125 to 7500 Hz, as it is."""

    @property
    def bands(self) -> int:
        """The numbers of one frame."""
        return self.settings.whole("feature_size", 128)

    def features(self, wave: Array) -> dict[str, Array]:
        """Return `input_features`, (frames, bands), and `attention_mask`, (frames,)."""
        bins = self.settings.whole("n_fft", 512) // 2 + 1
        filters = kaldi_filters(bins, self.bands, lowest=125.0, highest=7500.0, rate=self.rate)
        samples = np.asarray(wave, dtype=np.float32)
        return self._heard(
            plain_log_mel(samples, filters, window("hann", self.length), hop=self.hop, floor=1e-5)
        )


def _moments(rows: Array, ddof: int = 0) -> tuple[Array, Array]:
    """Return the mean and the variance of each band over the frames, summed in the order in which transformers does.

    Its bands lie in rows. A logarithm is large beside its spread, so that the rounding of a sum would be seen.
    """
    lying = np.ascontiguousarray(rows.T)
    return lying.mean(axis=1), lying.var(axis=1, ddof=ddof)


FRAME_EXTRACTORS: Mapping[str, type[FrameExtractor]] = {
    "SeamlessM4TFeatureExtractor": SeamlessExtractor,
    "Speech2TextFeatureExtractor": SpeechToTextExtractor,
    "ASTFeatureExtractor": PictureExtractor,
    "ParakeetFeatureExtractor": CentredExtractor,
    "LasrFeatureExtractor": LasrExtractor,
}
