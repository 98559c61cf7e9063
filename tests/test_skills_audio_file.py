"""A sound is read from every form that people keep one in; what is none is named, and nothing else is raised."""

import contextlib
import io
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ipfs_accelerate_py.errors import BackendError, InputError
from ipfs_accelerate_py.evidence.sounds import FORMS, RATE, recorded, sounds, unreadable
from ipfs_accelerate_py.skills.audio_file import opened

FORMATS = {"WAV": "PCM_16", "FLAC": "PCM_16", "OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}
LOSS = {"WAV": 2**-14, "FLAC": 2**-14, "OGG": 0.3, "MP3": 0.3}


def encoded(form, samples=None, rate=RATE, **options):
    file = io.BytesIO()
    soundfile.write(file, sounds()[1] if samples is None else samples, rate, format=form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_its_samples_and_its_rate(form):
    wave = opened(encoded(form, subtype=FORMATS[form]))
    assert wave.rate == RATE
    assert wave.samples.dtype == np.float32
    assert abs(len(wave.samples) - len(sounds()[1])) <= 2400  # an MP3 is filled up to whole frames
    count = min(len(wave.samples), len(sounds()[1]))
    apart = np.abs(wave.samples[:count] - sounds()[1][:count])
    assert np.sqrt((apart**2).mean()) < LOSS[form]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_its_samples(form, tmp_path):
    item, same = recorded(form, tmp_path)
    got, want = opened(item), opened(same)
    np.testing.assert_allclose(got.samples, want.samples, atol=1e-6)  # an MP3 that is read in blocks
    assert got.rate == want.rate == same["sampling_rate"]


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_channels_are_averaged(channels, tmp_path):
    several = np.random.default_rng(7).uniform(-1, 1, (900, channels)).astype(np.float32)
    soundfile.write(tmp_path / "several.wav", several, 8000, subtype="FLOAT")
    np.testing.assert_allclose(opened(tmp_path / "several.wav").samples, several.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(opened(several.T).samples, several.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.int8, np.uint8, np.float64, np.float16])
def test_numbers_of_every_type_have_the_same_meaning(kind):
    wave = np.array([-0.5, 0.0, 0.25], dtype=np.float32)
    if kind is np.uint8:
        given_ = (wave * 128 + 128).astype(kind)
    else:
        given_ = (wave * -float(np.iinfo(kind).min)).astype(kind) if np.issubdtype(kind, np.integer) else wave
    np.testing.assert_array_equal(opened(np.asarray(given_, dtype=kind)).samples, wave)


def test_an_array_alone_has_no_rate():
    assert opened(sounds()[0]).rate is None


@pytest.mark.parametrize("fault", unreadable())
def test_what_is_no_sound_is_refused_with_its_place(fault):
    with pytest.raises(InputError, match=r"^input 3: "):
        opened(unreadable()[fault], 3)


@pytest.mark.parametrize(
    "name", ["", "gone.wav", "a/b/c.wav", "~nobody/a.wav", "x" * 5000, "a\0b", "\udcff.wav"]
)
def test_a_path_to_nothing_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no such sound file"):
        opened(name)


def test_a_folder_is_no_sound(tmp_path):
    with pytest.raises(InputError, match="no such sound file"):
        opened(tmp_path)


@pytest.mark.parametrize("rate", [0, -1, 1.5, "16000", None, True, 10**9])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(InputError, match="sampling_rate is"):
        opened({"array": sounds()[0], "sampling_rate": rate})


@pytest.mark.parametrize("shape", [(), (0,), (900, 2), (0, 5), (2, 3, 900)])
def test_an_array_of_another_shape_is_refused(shape):
    with pytest.raises(InputError, match=r"no sound; give \(samples,\)|no samples"):
        opened(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize("kind", [bool, complex, object, "U3", np.uint16])
def test_an_array_of_another_type_is_refused(kind):
    with pytest.raises(InputError, match="a sound is floating point"):
        opened(np.zeros(9, dtype=kind))


@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_file_of_any_format_is_read_or_refused_and_raises_nothing_else(form):
    whole = encoded(form, subtype=FORMATS[form])

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def damaged(data):
        raw = bytearray(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
        for place, value in data.draw(
            st.lists(st.tuples(st.integers(0, max(0, len(raw) - 1)), st.integers(0, 255)), max_size=4)
        ):
            if raw:
                raw[place] = value
        with contextlib.suppress(InputError):  # either end is right
            assert np.isfinite(opened(bytes(raw)).samples).all()

    damaged()


def test_without_soundfile_a_file_is_an_error_that_names_the_extra_and_an_array_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(BackendError, match=r"ipfs_accelerate_py\[audio\]"):
        opened(b"RIFF")
    assert opened(sounds()[0]).samples.size
