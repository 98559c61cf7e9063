"""When words were said is found as transformers finds it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import WhisperTokenizer
from transformers.models.whisper import generation_whisper
from transformers.models.whisper.tokenization_whisper import _combine_tokens_into_words

from ipfs_accelerate_py.evidence.speaking import speaking
from ipfs_accelerate_py.skills.alignment import median_filtered, token_places, warped_path
from ipfs_accelerate_py.skills.words import words


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 9), columns=st.integers(0, 12), seed=st.integers(0, 10**6), whole=st.booleans())
def test_the_cheapest_way_is_that_of_transformers(rows, columns, seed, whole):
    """Whole numbers are often equal, so that ties count."""
    random = np.random.default_rng(seed)
    matrix = (
        random.integers(0, 3, (rows, columns)).astype(float) if whole else random.normal(size=(rows, columns))
    )
    want = generation_whisper._dynamic_time_warping(matrix)
    for got, expected in zip(warped_path(matrix), want, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_what_is_no_number_takes_the_way_of_transformers():
    matrix = np.full((3, 5), np.nan)
    for got, want in zip(warped_path(matrix), generation_whisper._dynamic_time_warping(matrix), strict=True):
        np.testing.assert_array_equal(got, want)


@settings(max_examples=40, deadline=None)
@given(places=st.integers(1, 20), seed=st.integers(0, 10**6), width=st.sampled_from([1, 3, 7]))
def test_medians_are_those_of_transformers(places, seed, width):
    values = np.random.default_rng(seed).normal(size=(2, 3, places)).astype(np.float32)
    want = generation_whisper._median_filter(torch.from_numpy(values), width)
    np.testing.assert_array_equal(median_filtered(values, width), want.numpy())


def test_tokens_that_listen_to_one_place_each_begin_there():
    weights = np.full((2, 4, 40), 0.001, dtype=np.float32)
    for token in range(4):
        weights[:, token, 10 * token : 10 * token + 10] = 0.1
    np.testing.assert_array_equal(token_places(weights, 7), [0, 10, 20, 30])


@pytest.fixture(scope="module")
def tokenizer():
    return speaking(WhisperTokenizer)


TEXT = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from(["a", " a", " (", "“", "b.", ",", " ", "!", "é", "語", "?", ' "', "'"])).map(
        "".join
    ),
)


@settings(max_examples=200, deadline=None)
@given(text=TEXT, cut=st.integers(0, 3), language=st.sampled_from([None, "english", "japanese"]))
def test_words_are_those_of_the_tokenizer(tokenizer, text, cut, language):
    """Cut off at the front, tokens may begin within a character."""
    tokens = tokenizer.encode(text, add_special_tokens=False)[cut:]
    want, _, places = _combine_tokens_into_words(tokenizer, list(tokens), language)

    def decode(ids):
        return tokenizer.decode(list(ids), decode_with_timestamps=True)

    got = words(tokens, decode, language=language, end=tokenizer.eos_token_id)
    assert [each.text for each in got] == want
    assert [each.places for each in got] == places
