"""Windows of speech are put together as transformers' tokenizer does it, whatever their tokens are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipfs_accelerate_py.evidence.speaking import ids, speaking
from ipfs_accelerate_py.skills.text import TextInput
from ipfs_accelerate_py.skills.transcript import Heard, merged, transcript

PRECISION = 0.02


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from transformers import WhisperTokenizer

    made = speaking(WhisperTokenizer)
    made.save_pretrained(tmp_path_factory.mktemp("tokenizer"))
    return made


@pytest.fixture(scope="module")
def text(tokenizer, tmp_path_factory):
    from ipfs_accelerate_py.skills.checkpoint import Checkpoint

    folder = tmp_path_factory.mktemp("checkpoint")
    tokenizer.save_pretrained(folder)
    return TextInput(Checkpoint(str(folder)), names=(), limit_field="")


SIZE = 362
MARK = ids(SIZE)["<|0.00|>"]
# Without the token that begins a prompt: transformers cuts prompts off here, ours never get here.
SPECIAL = [token for name, token in ids(SIZE).items() if token < MARK and name != "<|startofprev|>"]
TOKENS = st.one_of(st.integers(33, 60), st.integers(MARK, MARK + 50), st.sampled_from(SPECIAL))


@st.composite
def windows(draw):
    """One list of tokens, or several that overlap."""
    count = draw(st.integers(1, 4))
    lists = [draw(st.lists(TOKENS, min_size=1, max_size=14)) for _ in range(count)]
    if not draw(st.booleans()):
        return [Heard(tokens) for tokens in lists[:1]]
    places = range(len(lists))
    return [
        Heard(tokens, (1.0, 0.2 * (place > 0), 0.2 * (place + 1 < len(lists))))
        for place, tokens in zip(places, lists, strict=True)
    ]


@settings(max_examples=150, deadline=None)
@given(heard=windows(), timed=st.booleans(), with_language=st.booleans())
def test_text_and_sentences_are_those_of_the_tokenizer(tokenizer, text, heard, timed, with_language):
    outputs = [
        {"tokens": np.asarray([each.tokens])} | ({"stride": each.stride} if each.stride else {})
        for each in heard
    ]
    want, optional = tokenizer._decode_asr(
        outputs, return_timestamps=timed, return_language=with_language, time_precision=PRECISION
    )
    got = transcript(heard, text, mark=MARK, precision=PRECISION, timed=timed, with_language=with_language)
    assert got["text"] == want
    chunks = [
        {**chunk, "timestamp": list(chunk["timestamp"])} if timed else chunk
        for chunk in optional.get("chunks", [])
    ]
    assert got.get("chunks", []) == chunks


def _said(*tokens):
    return [(token, 0.0, 0.0) for token in tokens]


def test_windows_that_agree_are_laid_over_each_other():
    whole = merged([_said(1, 2, 3, 4, 5), _said(3, 4, 5, 6), _said(5, 6, 7)])
    assert whole == _said(1, 2, 3, 4, 5, 6, 7)


def test_windows_that_have_nothing_in_common_follow_each_other():
    assert merged([_said(1, 2), _said(3, 4)]) == _said(1, 2, 3, 4)
