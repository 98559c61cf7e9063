"""The log-mel spectrogram of 30 and of 5 seconds of sound, against transformers' WhisperFeatureExtractor.

    python benchmarks/audio_features.py

Ours is NumPy alone. transformers' class has two ways: PyTorch, where that is installed, and NumPy. All get the same
samples and give features that are the same to 1e-4; calls take turns in one process, on one thread.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from measuring import in_turn, options, ratio, report, spread, table

from ipfs_accelerate_py.skills.audio_features import LogMelExtractor
from ipfs_accelerate_py.skills.audio_settings import AudioSettings

RATE = 16_000
SECONDS = (30, 5)
CALLS = 5  # in one measurement


def milliseconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - started) / CALLS * 1000


def numpy_path(extractor: Any, wave: Any) -> Any:
    """Return what transformers' class computes where PyTorch is not installed."""
    filled = np.zeros(extractor.n_samples, dtype=np.float32)
    filled[: len(wave)] = wave
    return extractor._np_extract_fbank_features(filled[np.newaxis], "cpu")[0]


def torch_path(extractor: Any, wave: Any) -> Any:
    return extractor(wave, sampling_rate=RATE, return_tensors="np")["input_features"][0]


def main() -> None:
    import torch
    from transformers import WhisperFeatureExtractor

    chosen = options(__doc__, rounds=20).parse_args()
    torch.set_num_threads(1)
    theirs = WhisperFeatureExtractor()
    ours = LogMelExtractor(AudioSettings(Path("preprocessor_config.json"), theirs.to_dict()))
    rows = []
    for seconds in SECONDS:
        wave = np.random.default_rng(7).normal(size=seconds * RATE).astype(np.float32) / 10
        calls: dict[str, Callable[[], Any]] = {
            "ours": lambda wave=wave: ours.features(wave)["input_features"],
            "transformers, NumPy": partial(numpy_path, theirs, wave),
            "transformers, PyTorch": partial(torch_path, theirs, wave),
        }
        for name, call in calls.items():
            np.testing.assert_allclose(call(), calls["ours"](), atol=1e-4, err_msg=name)
        sides = {name: partial(milliseconds, call) for name, call in calls.items()}
        found = in_turn(sides, chosen.rounds)
        for name, times in found.items():
            rows.append([f"{seconds} s", name, spread(times), ratio(found["ours"], times)])
    header = ["sound", "features by", "ms a call (quartiles)", "times ours"]
    report("audio-features", table(header, rows), write=chosen.write)


if __name__ == "__main__":
    main()
