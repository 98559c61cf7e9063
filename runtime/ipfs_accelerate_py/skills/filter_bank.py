"""Log filter banks of speech frame after frame, in NumPy: as Kaldi makes them, and as two newer recipes do.

A frame is 25 ms of sound, one every 10 ms at the usual rate; what is left at the end and fills no frame is dropped.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array

FLOOR: Final = 1.192092955078125e-07  # what Kaldi takes for silence: the step of float32 at 1
_GUARD: Final = 2.0**-24  # added to a power before its logarithm, where nothing is clipped
_KALDI_MEL: Final = 1127.0


def kaldi_mel(hertz: Array | float) -> Array:
    """Return `hertz` on the mel scale as Kaldi writes it."""
    mel: Array = _KALDI_MEL * np.log(1.0 + np.asarray(hertz, dtype=np.float64) / 700.0)
    return mel


@lru_cache(maxsize=8)
def kaldi_filters(bins: int, bands: int, *, lowest: float, highest: float, rate: int) -> Array:
    """Return (bins, bands) float64: triangles that are straight on the mel scale and not in Hz."""
    places = kaldi_mel(np.arange(bins) * (rate / ((bins - 1) * 2)))[:, np.newaxis]
    first, last = float(kaldi_mel(lowest)), float(kaldi_mel(highest))
    corners = np.linspace(first, last, bands + 2)
    width = np.diff(corners)
    rising, falling = (places - corners[:-2]) / width[:-1], (corners[2:] - places) / width[1:]
    filters: Array = np.maximum(0, np.minimum(rising, falling))
    filters.setflags(write=False)  # it is kept and shared
    return filters


@lru_cache(maxsize=8)
def window(name: str, length: int) -> Array:
    """Return a symmetric window of `length` samples: "hann", or "povey", which goes to 0 less steeply."""
    curve: Array = np.hanning(length) ** (0.85 if name == "povey" else 1.0)
    curve.setflags(write=False)
    return curve


def frames_of(wave: Array, length: int, hop: int) -> Array:
    """Return (frames, length): the whole frames of `wave`, one every `hop` samples, as a view."""
    if len(wave) < length:
        return np.empty((0, length), dtype=wave.dtype)
    return np.lib.stride_tricks.sliding_window_view(wave, length)[::hop]


def kaldi_log_mel(wave: Array, filters: Array, curve: Array, *, hop: int) -> Array:
    """Return the logarithm of each band's power, (frames, bands) float32.

    Each frame loses its mean, then 0.97 of the sample before each sample.
    """
    frames = frames_of(wave.astype(np.float64), len(curve), hop)
    frames = frames - frames.mean(axis=1, keepdims=True)
    emphasised = np.concatenate([frames[:, :1] * (1 - 0.97), frames[:, 1:] - 0.97 * frames[:, :-1]], axis=1)
    power = _power(emphasised * curve, 2 * (filters.shape[0] - 1))
    # In the order of transformers' own product: a sum in another order is rounded to another float32 here and there.
    log: Array = np.log(np.maximum(np.dot(filters.T, power.T), FLOOR)).astype(np.float32).T
    return log


def plain_log_mel(wave: Array, filters: Array, curve: Array, *, hop: int, floor: float) -> Array:
    """Return the logarithm of each band's power, (frames, bands) float32, of frames as they are."""
    power = _power(
        frames_of(wave.astype(np.float64), len(curve), hop) * curve, 2 * (filters.shape[0] - 1), False
    )
    log: Array = np.log(np.maximum(power @ filters, floor)).astype(np.float32)
    return log


def centred_log_mel(wave: Array, filters: Array, curve: Array, *, hop: int) -> Array:
    """Return the logarithm of each band's power, (frames, bands) float32: a frame around each `hop`-th sample.

    Beyond its ends the sound is silent.
    """
    size = 2 * (filters.shape[0] - 1)
    before = (size - len(curve)) // 2
    wide = np.pad(curve, (before, size - len(curve) - before))
    power = _power(frames_of(np.pad(wave.astype(np.float64), size // 2), size, hop) * wide, size, False)
    log: Array = np.log(power @ filters + _GUARD).astype(np.float32)
    return log


def _power(frames: Array, size: int, rounded: bool = True) -> Array:
    """Return the power of each bin, (frames, bins) float64; `rounded` as transformers keeps it."""
    transformed = np.fft.rfft(frames, n=size)
    if rounded:
        transformed = transformed.astype(np.complex64).astype(np.complex128)
    power: Array = np.abs(transformed) ** 2
    return power
