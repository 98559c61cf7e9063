"""Spectrograms on the mel scale in NumPy: filter banks, power over time, and logarithms of both kinds."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array

Scale = Literal["slaney", "htk"]
_BLOCK = 256  # frames that are transformed at once: they stay in the processor's cache
_KNEE, _STEP = (
    15.0,
    np.log(6.4) / 27.0,
)  # of Slaney's scale: linear to 1000 Hz, which is 15 mel, then logarithmic


@lru_cache(maxsize=8)
def mel_filters(
    bins: int, bands: int, *, lowest: float, highest: float, rate: int, scale: Scale, area: bool
) -> Array:
    """Return (bins, bands) float64: triangles that are spaced evenly on the mel scale, from `lowest` to `highest` Hz.

    `bins` are those of a real Fourier transform, from 0 to half of `rate`. With `area` each triangle has the same
    area instead of the same height.
    """
    to_mel, to_hertz = _SCALES[scale]
    first, last = (float(mel) for mel in to_mel(np.array([lowest, highest], dtype=np.float64)))
    corners = to_hertz(np.linspace(first, last, bands + 2))
    distance = corners - np.linspace(0, rate // 2, bins)[:, np.newaxis]
    width = np.diff(corners)
    rising, falling = -distance[:, :-2] / width[:-1], distance[:, 2:] / width[1:]
    filters = np.maximum(0, np.minimum(rising, falling))
    if area:
        filters *= 2 / (corners[2:] - corners[:-2])
    filters.setflags(write=False)  # it is kept and shared
    return filters


def _slaney_mel(hertz: Array) -> Array:
    return np.where(hertz < 1000, hertz * 3 / 200, _KNEE + np.log(np.maximum(hertz, 1000) / 1000) / _STEP)


def _slaney_hertz(mel: Array) -> Array:
    return np.where(mel < _KNEE, mel * 200 / 3, 1000 * np.exp(_STEP * (np.maximum(mel, _KNEE) - _KNEE)))


def _htk_mel(hertz: Array) -> Array:
    mel: Array = 2595 * np.log10(1 + hertz / 700)
    return mel


def _htk_hertz(mel: Array) -> Array:
    hertz: Array = 700 * (10 ** (mel / 2595) - 1)
    return hertz


_SCALES: dict[Scale, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "slaney": (_slaney_mel, _slaney_hertz),
    "htk": (_htk_mel, _htk_hertz),
}


def mel_power(wave: Array, filters: Array, *, hop: int, frames: int | None = None) -> Array:
    """Return the power of `wave` in each band over time, (bands, frames) float32.

    Frames are as long as the Fourier transform that `filters`, (bins, bands), belong to, in a periodic Hann window,
    one every `hop` samples; the first is centred at the first sample, and the sound is mirrored at its ends. All of
    them, or the first `frames`.
    """
    size = 2 * (filters.shape[0] - 1)
    padded = np.pad(wave, size // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:frames]
    window = np.hanning(size + 1)[:-1]
    weights = filters.T.astype(np.float32)
    out = np.empty((weights.shape[0], len(windows)), dtype=np.float32)
    for first in range(0, len(windows), _BLOCK):
        # In double precision: a loud frame's rounding would drown what is quiet in it.
        transformed = np.fft.rfft(windows[first : first + _BLOCK] * window)
        power = (transformed.real**2 + transformed.imag**2).astype(np.float32)
        np.matmul(weights, power.T, out=out[:, first : first + _BLOCK])
    return out


def decibels(power: Array) -> Array:
    """Return ten times the decimal logarithm of `power`, which counts as 1e-10 where it is less."""
    found: Array = 10 * np.log10(np.maximum(power, 1e-10))
    return found
