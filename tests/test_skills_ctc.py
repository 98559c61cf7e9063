"""What a recogniser wrote is spelled as transformers spells it, and long sounds are cut as its pipeline cuts them."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Wav2Vec2CTCTokenizer

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.evidence.tiny import trained
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.ctc import chunks, confidence, spelling
from ipfs_accelerate_py.skills.windows import windows

IDS = st.lists(st.integers(0, 33), min_size=1, max_size=60)


def logits(ids):
    """Return logits whose largest is at each of `ids`."""
    return np.eye(40, dtype=np.float32)[ids] * 5


@pytest.fixture(
    scope="module",
    params=[
        {},
        {"do_lower_case": True},
        {"replace_word_delimiter_char": "_"},
        {"clean_up_tokenization_spaces": True},
    ],
    ids=str,
)
def both(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spelling")
    trained(Wav2Vec2CTCTokenizer).save_pretrained(folder / "first")
    theirs = Wav2Vec2CTCTokenizer(str(folder / "first" / "vocab.json"), **request.param)
    theirs.save_pretrained(folder)
    return spelling(Checkpoint(str(folder))), theirs


@settings(max_examples=150, deadline=None)
@given(IDS)
def test_text_letters_and_words_are_those_of_transformers(both, ids):
    ours, theirs = both
    letters = ours.letters(logits(ids))
    assert ours.text(letters) == theirs.decode(ids)
    want = theirs.decode(ids, output_char_offsets=True, output_word_offsets=True)
    assert [(each.text, each.start, each.end) for each in letters] == [
        (each["char"], each["start_offset"], each["end_offset"]) for each in want.char_offsets
    ]
    assert [(each.text, each.start, each.end) for each in ours.words(letters)] == [
        (each["word"], each["start_offset"], each["end_offset"]) for each in want.word_offsets
    ]


@settings(max_examples=50, deadline=None)
@given(IDS)
def test_confidence_is_a_probability_and_grows_with_the_margin(both, ids):
    ours, _ = both
    weak, strong = (confidence(ours.letters(values), values) for values in (logits(ids) / 4, logits(ids)))
    assert 0 < weak < strong < 1


def test_timestamps_are_seconds_and_another_kind_is_refused(both):
    ours, _ = both
    letters = ours.letters(logits([7, 7, 0, 8]))
    assert chunks(ours, letters, "char", 0.5) == [
        {"text": letters[0].text, "timestamp": [0.0, 1.0]},
        {"text": letters[1].text, "timestamp": [1.5, 2.0]},
    ]
    with pytest.raises(InputError, match="return_timestamps is True"):
        chunks(ours, letters, True, 0.5)


@pytest.mark.parametrize("vocabulary", [None, [], {"a": "b"}, {"eng": {"a": 0}}])
def test_a_checkpoint_without_its_letters_is_refused(vocabulary, tmp_path):
    if vocabulary is not None:
        (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    with pytest.raises(CheckpointError, match=r"vocab\.json has no tokens with their ids"):
        spelling(Checkpoint(str(tmp_path)))


def test_of_several_languages_the_chosen_one_counts(tmp_path):
    (tmp_path / "vocab.json").write_text(json.dumps({"eng": {"a": 0, "b": 1}, "fra": {"c": 0, "d": 1}}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"target_lang": "fra"}))
    found = spelling(Checkpoint(str(tmp_path)))
    assert found.text(found.letters(np.eye(2))) == "cd"


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40_000), st.integers(10, 90), st.integers(0, 4), st.integers(0, 4))
def test_windows_cover_a_sound_once(samples, length, left, right):
    ratio = 100
    found = list(windows(samples, 1000, length / 10, (left / 10, right / 10), ratio=ratio))
    assert found[0].start == found[0].left == found[-1].right == 0
    assert found[-1].end == samples
    for before, after in pairwise(found):
        assert before.end - before.right == after.start + after.left
        assert (before.end - before.start) % ratio == 0


@pytest.mark.parametrize(
    ("chunk", "stride", "fact"),
    [
        (-1, None, "chunk_length_s is -1"),
        (True, None, "chunk_length_s is True"),
        (float("inf"), None, "chunk_length_s is inf"),
        (0.001, None, "chunk_length_s is 0.001"),
        (1, 0.5, "stride_length_s is 0.5, which leaves nothing"),
        (1, "much", "stride_length_s is 'much'"),
        (1, (0.1, -0.1), "stride_length_s is -0.1"),
    ],
)
def test_windows_that_make_no_sense_are_refused(chunk, stride, fact):
    with pytest.raises(InputError, match=fact):
        list(windows(5000, 1000, chunk, stride, ratio=100))
