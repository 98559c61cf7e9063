"""Samples for codes: what transformers' extractors of the same names give, and codes that are checked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.audio_settings import AudioSettings
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.codec_input import CODEC_EXTRACTORS, CodecInput


@pytest.mark.parametrize("samples", [1, 512, 513, 9000])
@pytest.mark.parametrize("name", CODEC_EXTRACTORS)
def test_samples_are_those_of_transformers(name: str, samples: int) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = getattr(transformers, name)()
    ours = CODEC_EXTRACTORS[name](AudioSettings(Path("settings"), theirs.to_dict()))
    wave = np.random.default_rng(samples).normal(size=samples).astype(np.float32)
    want = theirs(wave, sampling_rate=ours.rate, return_tensors="np")["input_values"]
    np.testing.assert_array_equal(ours.features(wave)["input_values"], np.asarray(want).reshape(-1))


@pytest.mark.parametrize("wrong", ["codes", [[0.5]], [], [1, 2], [[1], [2], [3]], [[-1], [0]]])
def test_what_are_no_codes_of_the_checkpoint_is_refused(wrong: Any, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "dac", "n_codebooks": 2, "codebook_size": 4})
    )
    audio = CodecInput(Checkpoint(str(tmp_path)), names=("input_values",), usual="DacFeatureExtractor")
    with pytest.raises(InputError, match="audio_codes"):
        audio.codes(wrong, 0)


def test_codes_of_a_batch_of_one_are_those_of_its_sound(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "dac", "n_codebooks": 2, "codebook_size": 4})
    )
    audio = CodecInput(Checkpoint(str(tmp_path)), names=("input_values",), usual="DacFeatureExtractor")
    np.testing.assert_array_equal(audio.codes([[[1, 2, 3], [3, 2, 1]]], 0), [[1, 2, 3], [3, 2, 1]])


@given(
    rates=st.lists(st.integers(1, 8).map(lambda halves: halves / 2), min_size=1, max_size=3),
    rate=st.sampled_from([16_000, 24_000, 44_100]),
    hop=st.sampled_from([320, 512, 960]),
    size=st.integers(2, 2048),
)
def test_books_are_as_many_as_fill_the_bits_of_a_second(
    rates: list[float], rate: int, hop: int, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As transformers' HiggsAudioV2TokenizerConfig reckons them: whole bits for a code, whole frames a second."""
    folder = tmp_path_factory.mktemp("codec")
    said = {"model_type": "any", "target_bandwidths": rates, "sample_rate": rate, "codebook_size": size}
    (folder / "config.json").write_text(json.dumps(said))
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"feature_extractor_type": "DacFeatureExtractor", "hop_length": hop})
    )
    audio = CodecInput(Checkpoint(str(folder)), names=("input_values",), usual="DacFeatureExtractor")
    frames, bits = math.ceil(rate / hop), math.ceil(math.log2(size))
    assert audio.books == int(1000 * rates[-1] // (frames * bits))


def test_of_a_checkpoint_that_says_neither_books_nor_bits_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "any", "codebook_size": 4}))
    audio = CodecInput(Checkpoint(str(tmp_path)), names=("input_values",), usual="DacFeatureExtractor")
    assert audio.books is None
    assert audio.sample_codes.shape[0] == 1
