"""Frames of bands: the extractors in NumPy give what transformers' classes of the same names give."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.skills.audio_settings import AudioSettings
from ipfs_accelerate_py.skills.frame_features import FRAME_EXTRACTORS

transformers = pytest.importorskip("transformers")


def chirp(samples: int) -> np.ndarray[Any, Any]:
    places = np.arange(samples) / samples
    noise = np.random.default_rng(samples).normal(size=samples) / 50
    return (0.3 * np.sin(3000 * places**2 * samples / 16_000) + noise).astype(np.float32)


@pytest.mark.parametrize("samples", [1000, 9000, 6201, 12_345])
@pytest.mark.parametrize("name", FRAME_EXTRACTORS)
def test_features_and_mask_are_those_of_transformers(name: str, samples: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of its own default filters, some of which are empty
        theirs = getattr(transformers, name)()
    ours = FRAME_EXTRACTORS[name](AudioSettings(Path("settings"), theirs.to_dict()))
    wave = chirp(samples)
    want = theirs(
        wave, sampling_rate=ours.rate, return_tensors="np", return_attention_mask=True, padding=True
    )
    got = ours.features(wave)
    rows, mask = np.asarray(want[ours.made])[0], np.asarray(want.get("attention_mask", [[]]))[0]
    count = len(got["attention_mask"])  # a last frame of theirs may be one that their own mask hides
    np.testing.assert_allclose(got[ours.made], rows[:count], rtol=1e-5, atol=1e-5)
    if len(mask):
        np.testing.assert_array_equal(got["attention_mask"], mask[:count])
    assert not mask[count:].any()


@pytest.mark.parametrize("name", FRAME_EXTRACTORS)
def test_the_shortest_sound_gives_finite_features_and_a_shorter_one_fewer_frames(name: str) -> None:
    ours = FRAME_EXTRACTORS[name](AudioSettings(Path("settings"), {}))
    assert np.isfinite(ours.features(chirp(ours.shortest))[ours.made]).all()
    assert int(ours.features(chirp(ours.shortest))["attention_mask"].sum()) >= 1
