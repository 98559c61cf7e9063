"""Sound at another rate: a polyphase filter, a sinc in a Kaiser window, in NumPy alone."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import ceil

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array

# A transition band of a tenth of the lower rate's half, and 90 dB below it: what soxr calls high quality.
_CROSSINGS = 64  # zeros of the sinc on either side
_EDGE = 0.955  # of half the lower rate, in the middle of the transition band
_SHAPE = 9.0  # of the Kaiser window
_BLOCK = 8192  # rows of one product: they stay in the processor's cache


def resampled(wave: Array, rate: int, wanted: int) -> Array:
    """Return `wave`, (samples,) at `rate` a second, as float32 at `wanted` a second.

    The last sample lies no later than the end of the sound; a constant stays the same constant.
    """
    if rate == wanted or not wave.size:
        return np.ascontiguousarray(wave, dtype=np.float32)
    ratio = Fraction(wanted, rate)
    up, down = ratio.numerator, ratio.denominator
    cutoff = min(1.0, up / down) * _EDGE
    half = ceil(_CROSSINGS / cutoff)
    places = np.arange(1 - half, half + 1)
    padded = np.pad(wave.astype(np.float32), half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half)
    out = np.empty(ceil(wave.size * ratio), dtype=np.float32)
    for phase in range(min(up, out.size)):
        # Samples phase, phase + up, ... lie at start + offset, + down, ... of the given sound.
        start, rest = divmod(phase * down, up)
        distance = places - rest / up
        taps = np.sinc(cutoff * distance) * _window(distance / half)
        taps = (taps / taps.sum()).astype(np.float32)
        rows, target = windows[start + 1 :: down], out[phase::up]
        for first in range(0, target.size, _BLOCK):
            block = np.ascontiguousarray(rows[first : first + _BLOCK])[: target.size - first]
            target[first : first + _BLOCK] = block @ taps
    return out


def _window(places: Array) -> Array:
    """Return the Kaiser window at `places` from -1 to 1; outside it is zero."""
    return np.interp(np.abs(places), *_table(), right=0)


@cache
def _table() -> tuple[Array, Array]:
    """Return places from 0 to 1 and the window there, so dense that a straight line between two errs by 4e-8."""
    places = np.linspace(0, 1, 1 << 14)
    return places, np.i0(_SHAPE * np.sqrt(1 - places**2)) / np.i0(_SHAPE)
