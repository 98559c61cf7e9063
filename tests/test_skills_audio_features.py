"""Features of sounds are those of transformers' own extractors, for every length and setting."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import ClapFeatureExtractor, Wav2Vec2FeatureExtractor, WhisperFeatureExtractor
from transformers.audio_utils import mel_filter_bank

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.audio_features import EXTRACTORS, extractor
from ipfs_accelerate_py.skills.audio_settings import AudioSettings
from ipfs_accelerate_py.skills.spectrogram import mel_filters

TOLERANCE = 1e-5  # of the largest value
# PyTorch's transform, which WhisperFeatureExtractor takes where it is installed, has single precision: quiet bands of a
# loud frame are off by as much from the same class's own NumPy path, with which ours agrees to 1e-5.
OF_PYTORCH = 5e-5


def ours(theirs):
    return extractor(AudioSettings(Path("preprocessor_config.json"), theirs.to_dict()), "")


def heard(said, name):
    made = extractor(said, name)
    return made.rate, made.features(noise(900))


def noise(samples, seed=7):
    places = np.arange(samples)
    hiss = np.random.default_rng(seed).normal(size=samples) / 20
    return (np.sin(places**1.3 / 40) / 3 + hiss).astype(np.float32)


def close(got, want, tolerance=TOLERANCE):
    assert got.dtype == np.float32
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, atol=tolerance * max(1.0, float(np.abs(want).max())))


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("area", [False, True])
@pytest.mark.parametrize(("bins", "bands", "rate"), [(201, 40, 16_000), (257, 40, 16_000), (513, 64, 48_000)])
def test_mel_filters_are_those_of_transformers(bins, bands, rate, area, scale):
    want = mel_filter_bank(bins, bands, 50.0, rate / 3, rate, "slaney" if area else None, scale)
    got = mel_filters(bins, bands, lowest=50.0, highest=rate / 3, rate=rate, scale=scale, area=area)
    np.testing.assert_allclose(got, want, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3000), st.booleans())
def test_samples_are_those_of_wav2vec2(samples, normal):
    theirs = Wav2Vec2FeatureExtractor(do_normalize=normal, return_attention_mask=True)
    want = theirs(noise(samples), sampling_rate=16_000, return_tensors="np")
    got = ours(theirs).features(noise(samples))
    close(got["input_values"], want["input_values"][0])
    np.testing.assert_array_equal(got["attention_mask"], want["attention_mask"][0])


def test_a_filled_up_batch_of_wav2vec2_holds_the_same_samples():
    theirs = Wav2Vec2FeatureExtractor(return_attention_mask=True)
    waves = [noise(900), noise(400)]
    want = theirs(waves, sampling_rate=16_000, padding=True, return_tensors="np")
    for wave, values, mask in zip(waves, want["input_values"], want["attention_mask"], strict=True):
        got = ours(theirs).features(wave)["input_values"]
        close(got, values[: len(wave)])
        assert mask.sum() == len(wave)
        assert not values[len(wave) :].any()


@pytest.mark.parametrize("samples", [1, 37, 159, 160, 161, 8000, 15_900, 15_999, 16_000, 16_001, 40_000])
@pytest.mark.parametrize("size", [{}, {"feature_size": 128}, {"n_fft": 512, "hop_length": 128}])
def test_spectrograms_are_those_of_whisper(samples, size):
    theirs = WhisperFeatureExtractor(chunk_length=1, **size)
    got = ours(theirs).features(noise(samples))
    filled = np.zeros(16_000, dtype=np.float32)
    filled[: min(samples, 16_000)] = noise(samples)[:16_000]
    close(got["input_features"], theirs._np_extract_fbank_features(filled[np.newaxis], "cpu")[0])
    want = theirs(noise(samples), sampling_rate=16_000, return_attention_mask=True, return_tensors="np")
    close(got["input_features"], want["input_features"][0], OF_PYTORCH)
    np.testing.assert_array_equal(got["attention_mask"], want["attention_mask"][0])


def test_a_sound_longer_than_the_window_has_whisper_s_spectrogram_too():
    theirs = WhisperFeatureExtractor(chunk_length=1)
    want = theirs(
        noise(40_000), sampling_rate=16_000, truncation=False, padding="longest", return_tensors="np"
    )
    close(ours(theirs).log_mel(noise(40_000), 0), want["input_features"][0], OF_PYTORCH)


@pytest.mark.parametrize("wave", [np.zeros(9000), np.full(9000, 0.1), np.eye(1, 9000)[0]])
def test_silence_a_constant_and_a_click_are_whisper_s(wave):
    theirs = WhisperFeatureExtractor(chunk_length=1)
    filled = np.pad(wave, (0, 7000)).astype(np.float32)
    want = theirs._np_extract_fbank_features(filled[np.newaxis], "cpu")[0]
    close(ours(theirs).features(wave.astype(np.float32))["input_features"], want)


@pytest.mark.parametrize("truncation", ["fusion", "rand_trunc"])
@pytest.mark.parametrize("padding", ["repeatpad", "repeat", "pad"])
@pytest.mark.parametrize("samples", [700, 20_000, 47_999, 48_000, 48_100, 49_000, 90_000])
def test_spectrograms_are_those_of_clap_that_takes_the_middle(samples, padding, truncation, monkeypatch):
    monkeypatch.setattr(np.random, "randint", lambda low, high: low + (high - 1 - low) // 2)
    monkeypatch.setattr(np.random, "choice", lambda places: places[len(places) // 2])
    theirs = ClapFeatureExtractor(truncation=truncation, padding=padding, max_length_s=1)
    want = theirs(noise(samples), sampling_rate=48_000, return_tensors="np")["input_features"][0]
    got = ours(theirs).features(noise(samples))["input_features"]
    close(got, want)
    assert got.shape == ours(theirs).shape


@pytest.mark.parametrize(
    ("name", "entries", "fact"),
    [
        ("Wav2Vec2FeatureExtractor", {"sampling_rate": "fast"}, "sampling_rate is 'fast'"),
        ("WhisperFeatureExtractor", {"chunk_length": 0}, "chunk_length is 0"),
        ("WhisperFeatureExtractor", {"hop_length": True}, "hop_length is True"),
        ("WhisperFeatureExtractor", {"dither": 0.1}, "dither adds noise"),
        ("WhisperFeatureExtractor", {"dither": float("nan")}, "dither is nan"),
        ("ClapFeatureExtractor", {"truncation": "cut"}, "truncation is 'cut'; known are fusion, rand_trunc"),
        ("ClapFeatureExtractor", {"padding": "mirror"}, "padding is 'mirror'"),
        ("ClapFeatureExtractor", {"frequency_max": None}, "frequency_max is None"),
        ("NobodysFeatureExtractor", {}, "NobodysFeatureExtractor is not known here; known are"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(name, entries, fact):
    said = AudioSettings(Path("preprocessor_config.json"), entries)
    with pytest.raises(CheckpointError, match=rf"preprocessor_config\.json: .*{fact}"):
        heard(said, name)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_without_entries_the_defaults_are_those_of_transformers(name):
    import transformers

    theirs = getattr(transformers, name)()
    bare, whole = extractor(AudioSettings(Path("x"), {}), name), ours(theirs)
    assert (bare.rate, bare.longest, bare.shape) == (whole.rate, whole.longest, whole.shape)
    assert bare.rate == theirs.sampling_rate
