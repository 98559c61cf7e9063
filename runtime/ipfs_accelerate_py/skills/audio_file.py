"""Sounds from wherever they come: files, bytes and arrays, all made mono and float32, with their rate."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ipfs_accelerate_py.errors import BackendError, InputError
from ipfs_accelerate_py.skills.arrays import Array

if TYPE_CHECKING:
    from soundfile import SoundFile

_MOST_SAMPLES = 1_000_000_000  # of all channels: 4 GB; a small file of silence may announce any number
_BLOCK = 1 << 20  # frames that are read at once
_RATES = range(1, 10_000_001)  # a second
_GIVEN = ("array", "raw")  # as datasets and as transformers' pipelines name it


@dataclass(frozen=True)
class Wave:
    """A sound: (samples,) float32, and how many of them are a second; None where nobody said."""

    samples: Array
    rate: int | None


def opened(item: Any, index: int | None = None) -> Wave:
    """Return a sound, mono.

    It comes from a path, {"audio_path": path}, the bytes of a file, {"array" or "raw": array, "sampling_rate": number}
    or an array, (samples,) or (channels, samples), of floating point from -1 to 1 or of whole numbers that fill their
    type. Channels are averaged. An array alone has no rate.

    Raises:
        InputError: it is none of these, is damaged, is empty, or holds numbers that are not finite.
        BackendError: it is a file, and soundfile, which reads files, is not installed.
    """
    wave = _opened(item, index)
    if not wave.samples.size:
        raise InputError("the sound has no samples; give at least one", index=index)
    if not np.isfinite(wave.samples).all():
        raise InputError("the sound holds values that are not finite", index=index)
    return wave


def _opened(item: Any, index: int | None) -> Wave:
    if isinstance(item, Mapping) and set(item) == {"audio_path"}:
        item = item["audio_path"]
    if isinstance(item, str | Path):
        return _file(Path(os.path.expanduser(item)), f"{item}: ", index)
    if isinstance(item, bytes | bytearray):
        return _file(io.BytesIO(item), "", index)
    if isinstance(item, np.ndarray):
        return Wave(_mono(item, index), None)
    if (
        isinstance(item, Mapping)
        and "sampling_rate" in item
        and (given := [key for key in _GIVEN if key in item])
    ):
        return Wave(_mono(_array(item[given[0]], index), index), _rate(item["sampling_rate"], index))
    raise InputError(
        f"is a {type(item).__name__}; this task takes a sound: a path, the bytes of a file, an array, or "
        '{"array": ..., "sampling_rate": ...}',
        index=index,
    )


def _file(source: Path | io.BytesIO, named: str, index: int | None) -> Wave:
    try:
        import soundfile
    except ImportError as error:
        raise BackendError(
            "to read sound files soundfile is needed, which is not installed; "
            "python -m pip install 'ipfs_accelerate_py[audio]'"
        ) from error
    if isinstance(source, Path) and not _is_file(source):
        raise InputError(f"{named}no such sound file", index=index)
    try:
        with soundfile.SoundFile(source) as file:
            return Wave(_read(file, named, index), _rate(file.samplerate, index))
    except (soundfile.SoundFileError, OSError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{named}cannot be read as a sound: {error}", index=index) from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or has a zero in it
        return False


def _read(file: SoundFile, named: str, index: int | None) -> Array:
    """Return all that `file` holds, not what it announces: a header may say anything."""
    blocks, left = [], _MOST_SAMPLES
    while left > 0:
        block = file.read(_BLOCK, dtype="float32", always_2d=True)
        blocks.append(block[:, 0] if block.shape[1] == 1 else block.mean(axis=1))
        left -= block.size
        if len(block) < _BLOCK:
            return np.concatenate(blocks)
    raise InputError(f"{named}has more than {_MOST_SAMPLES} samples; cut it first", index=index)


def _rate(given: Any, index: int | None) -> int:
    if isinstance(given, int | np.integer) and not isinstance(given, bool) and int(given) in _RATES:
        return int(given)
    raise InputError(
        f"sampling_rate is {given!r}; it is a whole number of samples a second, at most {_RATES[-1]}",
        index=index,
    )


def _array(given: Any, index: int | None) -> Array:
    try:
        return np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:  # rows of unequal length, a tensor on a device
        raise InputError(f"is no array of numbers: {error}", index=index) from error


def _mono(array: Array, index: int | None) -> Array:
    if array.ndim == 2 and 0 < array.shape[0] <= array.shape[1]:
        channels = _floating(array, index)
        mixed: Array = channels[0] if len(channels) == 1 else channels.mean(axis=0, dtype=np.float32)
        return mixed
    if array.ndim != 1:
        raise InputError(
            f"an array of shape {array.shape} is no sound; give (samples,) or (channels, samples)",
            index=index,
        )
    return _floating(array, index)


def _floating(array: Array, index: int | None) -> Array:
    kind = array.dtype
    if kind.kind == "f":
        with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, and is refused as such
            return _as_float32(array)
    if kind == np.uint8:  # as in files of eight bits
        return (_as_float32(array) - 128) / 128
    if kind.kind == "i":
        return _as_float32(array / -float(np.iinfo(kind).min))
    raise InputError(f"a sound is floating point, uint8 or whole numbers, not {kind}", index=index)


def _as_float32(array: Array) -> Array:
    return np.asarray(array, dtype=np.float32)
