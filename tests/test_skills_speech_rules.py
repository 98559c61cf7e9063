"""What a model of speech may write next, and how it is asked, is what transformers says."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.speech_rules import allowed
from ipfs_accelerate_py.skills.speech_settings import SpeechSettings

END, START, EN, DE, TRANSLATE, TRANSCRIBE, UNTIMED, SIZE = 20, 21, 22, 23, 24, 25, 26, 40
KNOWN = SpeechSettings(
    start=START,
    ends=frozenset({END}),
    languages={"<|en|>": EN, "<|de|>": DE},
    tasks={"translate": TRANSLATE, "transcribe": TRANSCRIBE},
    untimed=UNTIMED,
    latest_start=5,
    suppressed=(3,),
    suppressed_first=(4, END),
)
WRITTEN = st.lists(st.one_of(st.integers(5, 19), st.integers(UNTIMED + 1, SIZE - 1)), max_size=6)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(WRITTEN, min_size=1, max_size=3), seed=st.integers(0, 10**6))
def test_the_rules_of_time_are_those_of_transformers(rows, seed):
    from transformers.generation import logits_process

    shortest = min(len(row) for row in rows)
    written = [row[:shortest] for row in rows]  # transformers' rows are equally long
    logits = np.random.default_rng(seed).normal(scale=3, size=(len(rows), SIZE)).astype(np.float32)
    config = SimpleNamespace(
        no_timestamps_token_id=UNTIMED, eos_token_id=END, bos_token_id=END, max_initial_timestamp_index=5
    )
    ids = torch.tensor([[START, EN, TRANSCRIBE, *row] for row in written])
    scores = torch.from_numpy(logits.copy())
    for rule in (
        logits_process.SuppressTokensAtBeginLogitsProcessor([4, END], begin_index=3),
        logits_process.SuppressTokensLogitsProcessor([3]),
        logits_process.WhisperTimeStampLogitsProcessor(config, begin_index=3),
    ):
        scores = rule(ids, scores)
    np.testing.assert_array_equal(allowed(logits, written, KNOWN, timed=True), scores.numpy())


@pytest.mark.parametrize(
    ("language", "task", "timed", "want"),
    [
        (None, None, False, (START, None, UNTIMED)),
        (None, None, True, (START, None)),
        ("en", None, True, (START, EN, TRANSCRIBE)),
        ("German", "translate", False, (START, DE, TRANSLATE, UNTIMED)),
        ("<|de|>", None, False, (START, DE, TRANSCRIBE, UNTIMED)),
        (None, "translate", True, (START, None, TRANSLATE)),
    ],
)
def test_a_checkpoint_is_asked_in_its_own_tokens(language, task, timed, want):
    assert KNOWN.prompt(language, task, timed=timed) == want


def test_the_older_way_to_choose_is_understood():
    old = SpeechSettings(start=START, forced=(None, TRANSCRIBE), languages=KNOWN.languages, untimed=UNTIMED)
    assert old.prompt(None, None, timed=False) == (START, None, TRANSCRIBE, UNTIMED)
    english = SpeechSettings(start=START, forced=(UNTIMED,), untimed=UNTIMED)
    assert english.prompt(None, None, timed=False) == (START, UNTIMED)
    assert english.prompt(None, None, timed=True) == (START,)


@pytest.mark.parametrize(("language", "task"), [("klingon", None), (None, "summarize")])
def test_a_language_or_task_that_is_not_there_is_named(language, task):
    with pytest.raises(InputError, match=language or task):
        KNOWN.prompt(language, task, timed=False)


def test_a_checkpoint_of_one_language_lets_none_be_chosen():
    with pytest.raises(InputError, match="one language only"):
        SpeechSettings(start=START, one_language=True).prompt("en", None, timed=False)
