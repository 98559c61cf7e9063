"""Long sounds in windows that overlap, and which frames of each count: as transformers' pipeline cuts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array


@dataclass(frozen=True)
class Window:
    """Samples `start` to `end` of a sound; the first `left` and the last `right` of them belong to its neighbours."""

    start: int
    end: int
    left: int
    right: int

    def frames(self, ratio: int) -> slice:
        """Return the frames that count, where each is made of `ratio` samples."""
        length = self.end - self.start
        total = round(length / ratio)
        left, right = (round(part / length * total) for part in (self.left, self.right))
        return slice(left, total - right)


def windows(samples: int, rate: int, chunk_s: Any, stride_s: Any, *, ratio: int) -> Iterator[Window]:
    """Yield the windows of a sound of `samples`, cut at multiples of `ratio`.

    `chunk_s`, the option `chunk_length_s`, is the length of a window in seconds. `stride_s`, the option
    `stride_length_s`, is what it shares with its neighbours: a number, two for left and right, or None for a sixth.

    Raises:
        InputError: an option is no number of seconds, or nothing is left of a window.
    """
    length = _aligned("chunk_length_s", chunk_s, rate, ratio)
    if not length:
        raise InputError(
            f"chunk_length_s is {chunk_s!r}; the model makes one frame of {ratio / rate:g} seconds"
        )
    shared = chunk_s / 6 if stride_s is None else stride_s
    pair = shared if isinstance(shared, Sequence) and len(shared) == 2 else (shared, shared)
    left, right = (_aligned("stride_length_s", each, rate, ratio) for each in pair)
    step = length - left - right
    if step < 1:
        raise InputError(
            f"stride_length_s is {stride_s!r}, which leaves nothing of a window of {chunk_s} seconds"
        )
    for start in range(0, samples, step):
        end = min(start + length, samples)
        last = start + length >= samples
        before = left if start else 0
        if end - start > before:
            yield Window(start, end, before, 0 if last else right)
        if last:
            return


def _aligned(name: str, seconds: Any, rate: int, ratio: int) -> int:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < float("inf"):
        raise InputError(f"{name} is {seconds!r}; it is a number of seconds")
    return round(seconds * rate / ratio) * ratio


def cut(wave: Array, window: Window) -> Array:
    """Return the samples of `wave` in `window`."""
    return wave[window.start : window.end]
