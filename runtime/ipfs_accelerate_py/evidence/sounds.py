"""Sounds for the generated tests: computed, not fetched, in every form in which people keep them."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ipfs_accelerate_py.evidence.comparison import Array

RATE = 16_000  # of what is recorded; sounds that are arrays have the rate of whoever hears them


def _chirp(samples: int, low: float, high: float) -> Array:
    """Return a tone that rises from `low` to `high` Hz and swells, with a little noise: no two parts are alike."""
    places = np.arange(samples) / samples
    phase = 2 * np.pi * (low + (high - low) * places / 2) * places * samples / RATE
    noise = np.random.default_rng(samples).normal(size=samples) / 50
    wave: Array = ((0.2 + places / 2) * np.sin(phase) + noise).astype(np.float32)
    return wave


@cache
def sounds() -> tuple[Array, ...]:
    """Return three sounds of different lengths, mono float32."""
    return _chirp(9000, 200, 3000), _chirp(6200, 900, 300), _chirp(12_345, 100, 7000)


FORMS = (
    "wav",
    "flac",
    "ogg",
    "mp3",
    "eight bits at 4 kHz",
    "stereo at 22.05 kHz",
    "bytes",
    "audio_path",
    "whole numbers",
    "raw",
)


def recorded(form: str, folder: Path) -> tuple[Any, dict[str, Any]]:
    """Return a sound in `form`, most as a file in `folder`, and the same as an array with its rate."""
    import soundfile

    wave = sounds()[0]
    whole = (wave * 32_767).astype(np.int16)
    pair = np.stack([wave, wave[::-1]], axis=1)  # (samples, channels), as soundfile has it

    def file(name: str, samples: Array, rate: int = RATE, **options: Any) -> tuple[Path, dict[str, Any]]:
        soundfile.write(folder / name, samples, rate, **options)
        written, _ = soundfile.read(folder / name, dtype="float32", always_2d=True)
        return folder / name, {"array": written.T, "sampling_rate": rate}

    def content() -> tuple[bytes, dict[str, Any]]:
        path, same = file("bytes.wav", wave)
        return path.read_bytes(), same

    def named() -> tuple[dict[str, str], dict[str, Any]]:
        path, same = file("named.wav", wave)
        return {"audio_path": str(path)}, same

    makers: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
        "wav": lambda: file("sound.wav", whole),
        "flac": lambda: file("sound.flac", whole),
        "ogg": lambda: file("sound.ogg", wave),
        "mp3": lambda: file("sound.mp3", wave),
        "eight bits at 4 kHz": lambda: file("old.wav", wave, 4000, subtype="PCM_U8"),
        "stereo at 22.05 kHz": lambda: file("stereo.wav", pair, 22_050),
        "bytes": content,
        "audio_path": named,
        "whole numbers": lambda: (
            {"array": whole, "sampling_rate": RATE},
            {"array": whole / np.float32(32_768), "sampling_rate": RATE},
        ),
        "raw": lambda: ({"raw": wave, "sampling_rate": RATE}, {"array": wave, "sampling_rate": RATE}),
    }
    return makers[form]()


def unreadable() -> dict[str, Any]:
    """Return what is no sound, each in another way, by what is wrong with it."""
    import soundfile

    empty = io.BytesIO()
    soundfile.write(empty, np.zeros(0, dtype=np.float32), RATE, format="WAV")
    return {
        "a number": 7,
        "nothing": None,
        "no file": "no-such-file.wav",
        "no sound": b"no sound",
        "a file without samples": empty.getvalue(),
        "a dictionary of something else": {"nothing": "useful"},
        "no rate": {"array": sounds()[0], "sampling_rate": "fast"},
        "no samples": np.zeros(0, dtype=np.float32),
        "not a number": np.full(9000, np.nan, dtype=np.float32),
        "three axes": np.zeros((2, 3, 4), dtype=np.float32),
    }
