"""A sound at another rate is the same sound: tones stay, what the new rate cannot hold is gone, lengths agree."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipfs_accelerate_py.skills.resampling import resampled

RATES = [
    (44_100, 16_000),
    (48_000, 16_000),
    (8000, 16_000),
    (4000, 16_000),
    (22_050, 48_000),
    (11_025, 48_000),
]
INSIDE = slice(1000, -1000)  # away from the ends, where there is no more sound on one side


def tone(hertz, rate, seconds=1):
    return np.sin(2 * np.pi * hertz * np.arange(rate * seconds) / rate).astype(np.float32)


@pytest.mark.parametrize(("rate", "wanted"), RATES)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.8, 0.9])
def test_a_tone_that_both_rates_can_hold_stays_the_same_tone(share, rate, wanted):
    hertz = share * min(rate, wanted) / 2
    got = resampled(tone(hertz, rate), rate, wanted)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[INSIDE], tone(hertz, wanted)[INSIDE], atol=3e-5)


@pytest.mark.parametrize(("rate", "wanted"), [pair for pair in RATES if pair[0] > pair[1]])
@pytest.mark.parametrize("share", [1.02, 1.3, 1.9])
def test_a_tone_above_half_the_new_rate_is_gone_and_leaves_no_other(share, rate, wanted):
    got = resampled(tone(min(share * wanted / 2, 0.49 * rate), rate), rate, wanted)
    assert np.abs(got[INSIDE]).max() < 3e-5


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 30), st.integers(1, 30), st.floats(-1, 1, width=32))
def test_a_constant_stays_the_same_constant_and_the_length_is_that_of_the_sound(samples, rate, wanted, value):
    got = resampled(np.full(samples, value, dtype=np.float32), rate, wanted)
    assert len(got) == ceil(samples * wanted / rate)
    np.testing.assert_allclose(got, value, atol=1e-6)


def test_the_same_rate_changes_nothing():
    wave = np.random.default_rng(7).normal(size=100).astype(np.float32)
    np.testing.assert_array_equal(resampled(wave, 16_000, 16_000), wave)
    assert resampled(wave[:0], 8000, 16_000).size == 0


def test_rates_without_a_common_divisor_are_exact_too():
    np.testing.assert_allclose(
        resampled(tone(440, 8009), 8009, 8000)[INSIDE], tone(440, 8000)[INSIDE], atol=3e-5
    )
