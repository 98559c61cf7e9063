"""Decoding with a cache gives what transformers' generate gives, and sampling draws from what its options leave."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tiny_checkpoints import bert, changed

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.evidence.tiny import TEXTS
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.generation import OPTIONS, ends, picked
from ipfs_accelerate_py.skills.session import positions, prompts

PROMPTS = [TEXTS[0], TEXTS[2], TEXTS[3]]


def _load(folder):
    return ia.load(str(folder), "text-generation", "cpu")


@pytest.fixture(scope="module")
def handler():
    return _load(bert("BertLMHeadModel"))


@pytest.fixture(scope="module")
def theirs():
    """Transformers' own greedy generation: prompt, number of new tokens, id that ends a text -> new tokens."""
    from transformers import AutoTokenizer, BertLMHeadModel

    folder = bert("BertLMHeadModel")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertLMHeadModel.from_pretrained(folder, is_decoder=True).eval()

    def generate(prompt, count, end=None, **options):
        given_ = tokenizer(prompt, return_tensors="pt")
        with torch.inference_mode():
            out = model.generate(
                given_["input_ids"],
                attention_mask=given_["attention_mask"],
                max_new_tokens=count,
                eos_token_id=end,
                pad_token_id=0,
                do_sample=False,
                **options,
            )
        return out[0, given_["input_ids"].shape[1] :].tolist()

    return generate


def test_greedy_tokens_are_those_of_transformers_and_differ_enough_to_mean_something(handler, theirs):
    distinct = set()
    for prompt in PROMPTS:
        want = theirs(prompt, 20)
        assert handler(prompt, max_new_tokens=20)["tokens"] == want
        distinct |= set(want)
    assert len(distinct) >= 4


def test_tokens_that_are_forbidden_or_forced_are_so_as_in_transformers(handler, theirs):
    for prompt in PROMPTS:
        free = theirs(prompt, 8)
        for options in (
            {"bad_words_ids": [[free[0]], free[1:3], [7, 8, 9]]},
            {"suppress_tokens": [free[0], free[3]]},
            {"begin_suppress_tokens": [free[0]]},
            {"forced_eos_token_id": 11},
            {"forced_bos_token_id": 12},  # has no say behind a prompt of more than one token
            {"suppress_tokens": [free[0]], "begin_suppress_tokens": [free[1]], "repetition_penalty": 1.2},
        ):
            want = theirs(prompt, 8, **options)
            assert handler(prompt, max_new_tokens=8, **options)["tokens"] == want
            assert (want != free) == ("forced_bos_token_id" not in options)


def test_a_text_shorter_than_asked_for_does_not_end(theirs, tmp_path):
    end = theirs(PROMPTS[0], 8)[2]
    stopping = _load(
        changed(bert("BertLMHeadModel"), tmp_path / "ends", generation_config={"eos_token_id": end})
    )
    assert len(stopping(PROMPTS[0], max_new_tokens=8)["tokens"]) <= 3
    for least in (4, 12, 17):
        want = theirs(PROMPTS[0], 8, end, min_length=least)
        assert stopping(PROMPTS[0], max_new_tokens=8, min_length=least)["tokens"] == want


def test_prompts_of_unequal_length_give_in_a_batch_what_they_give_alone(handler, theirs):
    answers = handler(PROMPTS, max_new_tokens=12)
    assert [answer["tokens"] for answer in answers] == [theirs(prompt, 12) for prompt in PROMPTS]


def test_a_text_ends_with_the_token_that_ends_it_and_the_others_go_on(theirs, tmp_path):
    free = {prompt: theirs(prompt, 12) for prompt in PROMPTS}
    end = free[PROMPTS[0]][4]
    stopping = _load(
        changed(bert("BertLMHeadModel"), tmp_path / "ends", generation_config={"eos_token_id": [end, 3]})
    )
    answers = stopping(PROMPTS, max_new_tokens=12)
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        want = free[prompt]
        cut = next((place + 1 for place, token in enumerate(want) if token in (end, 3)), len(want))
        assert answer["tokens"] == want[:cut]
        assert theirs(prompt, 12, [end, 3])[:cut] == want[:cut]
    lengths = {len(answer["tokens"]) for answer in answers}
    assert min(lengths) <= 5
    assert stopping(PROMPTS[0], max_new_tokens=12)["tokens"] == answers[0]["tokens"]


def test_nothing_is_written_beyond_the_end_of_the_context(handler):
    full = handler("rain " * 100, max_new_tokens=10)
    assert full["tokens"] == []
    assert "truncated" in full["notice"]
    nearly = " ".join(["rain"] * 59)  # 61 of 64 tokens with those that frame it
    assert len(handler(nearly, max_new_tokens=10)["tokens"]) == 3
    answers = handler([nearly, PROMPTS[0], "rain " * 100], max_new_tokens=10)
    assert [len(answer["tokens"]) for answer in answers] == [3, 10, 0]
    assert answers[0]["tokens"] == handler(nearly, max_new_tokens=10)["tokens"]


def test_the_prompt_leads_the_text_unless_it_is_not_wanted(handler):
    whole, new = (
        handler(PROMPTS[0], max_new_tokens=5, return_full_text=full)["text"] for full in (True, False)
    )
    assert whole == PROMPTS[0] + new


def test_a_seed_makes_a_draw_repeatable_and_another_changes_it(handler):
    draws = [handler(PROMPTS[0], do_sample=True, seed=seed)["tokens"] for seed in (1, 1, 2, 3)]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) > 1


@pytest.mark.parametrize("options", [{"top_k": 1}, {"top_p": 1e-9}, {"temperature": 1e-6}])
def test_a_draw_among_one_is_greedy(options, handler):
    greedy = [answer["tokens"] for answer in handler(PROMPTS, max_new_tokens=8)]
    drawn = handler(PROMPTS, max_new_tokens=8, do_sample=True, seed=5, **options)
    assert [answer["tokens"] for answer in drawn] == greedy


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens is 0; it is a whole number from 1"),
        ({"max_new_tokens": 2.0}, "max_new_tokens is 2.0"),
        ({"max_new_tokens": True}, "max_new_tokens is True"),
        ({"top_k": -1}, "top_k is -1; it is a whole number from 0"),
        ({"temperature": 0}, "temperature is 0; it is a number above 0"),
        ({"temperature": "hot"}, "temperature is 'hot'"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"top_p": 1.5}, "top_p is 1.5; it is a number above 0 and at most 1"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"suppress_tokens": 3}, "suppress_tokens is 3, which is no token id"),
        ({"begin_suppress_tokens": [-1]}, "begin_suppress_tokens is "),
        ({"forced_bos_token_id": [3]}, "forced_bos_token_id is "),
        ({"forced_eos_token_id": "x"}, "forced_eos_token_id is 'x'"),
        ({"forced_eos_token_id": 10**6}, "forced_eos_token_id is 1000000, but the model's vocabulary has"),
        ({"forced_eos_token_id": []}, "forced_eos_token_id is "),
        ({"bad_words_ids": [3]}, "bad_words_ids is "),
        ({"bad_words_ids": [[]]}, "bad_words_ids is "),
        ({"min_length": -1}, "min_length is -1"),
    ],
)
def test_options_that_mean_nothing_are_refused_by_name(options, fact, handler):
    with pytest.raises(InputError, match=fact):
        handler(PROMPTS[0], **options)


LOGITS = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 4), st.integers(1, 12)), elements=st.floats(-9, 9, width=32)
)


@settings(max_examples=60, deadline=None)
@given(
    logits=LOGITS,
    top_k=st.integers(0, 14),
    top_p=st.floats(0.01, 1),
    temperature=st.floats(0.1, 5),
    seed=st.integers(0, 99),
)
def test_a_draw_is_one_that_transformers_filters_leave(logits, top_k, top_p, temperature, seed):
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    left = torch.from_numpy(logits.astype(np.float64))
    for wanted, filter_ in (
        (True, lambda: TemperatureLogitsWarper(float(temperature))),
        (top_k > 0, lambda: TopKLogitsWarper(top_k)),
        (top_p < 1, lambda: TopPLogitsWarper(float(top_p))),
    ):
        left = filter_()(None, left) if wanted else left
    options = {**OPTIONS, "do_sample": True, "top_k": top_k, "top_p": top_p, "temperature": temperature}
    drawn = picked(logits, options, np.random.default_rng(seed))
    assert drawn.dtype == np.int64
    for row, token in enumerate(drawn):
        equal = (
            logits[row] == logits[row, token]
        )  # which of several equal ones a filter keeps is its own affair
        assert torch.isfinite(left[row][torch.from_numpy(equal)]).any()


def test_draws_follow_the_probabilities():
    logits = np.log(np.asarray([[0.5, 0.3, 0.15, 0.05]]))
    many = np.repeat(logits, 20_000, axis=0)
    random = np.random.default_rng(7)
    for top_k, top_p, want in (
        (0, 1.0, [0.5, 0.3, 0.15, 0.05]),
        (2, 1.0, [0.625, 0.375, 0, 0]),
        (3, 0.6, [0.625, 0.375, 0, 0]),
    ):
        options = {**OPTIONS, "do_sample": True, "top_k": top_k, "top_p": top_p}
        share = np.bincount(picked(many, options, random), minlength=4) / len(many)
        np.testing.assert_allclose(share, want, atol=0.02)  # five standard deviations of 20,000 draws


@given(LOGITS)
def test_greedy_takes_the_largest_logit(logits):
    assert picked(logits, OPTIONS, np.random.default_rng(0)).tolist() == logits.argmax(axis=1).tolist()


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=7), min_size=1, max_size=5))
def test_rows_filled_up_on_the_left_end_together_and_count_from_their_own_first_token(texts):
    rows = [
        {"input_ids": np.asarray(text), "attention_mask": np.ones(len(text), dtype=int)} for text in texts
    ]
    batch = prompts(rows, {"input_ids": 0, "attention_mask": 0}, side="left")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    places = positions(mask)
    for row, text in enumerate(texts):
        count = len(text)
        assert ids[row, -count:].tolist() == text
        assert mask[row].tolist() == [0] * (mask.shape[1] - count) + [1] * count
        assert places[row, -count:].tolist() == list(range(count))
    assert all(stride > 0 for array in (ids, mask) for stride in array.strides)  # PyTorch takes no other


@pytest.mark.parametrize(
    ("generation", "config", "found"),
    [
        ({"eos_token_id": 3}, {"eos_token_id": 4}, {3}),
        ({"eos_token_id": [3, 5]}, {}, {3, 5}),
        ({"eos_token_id": None}, {"eos_token_id": 4}, {4}),
        ({}, {"eos_token_id": None}, set()),
    ],
)
def test_what_ends_a_text_is_the_checkpoints(generation, config, found, tmp_path):
    folder = changed(bert("BertLMHeadModel"), tmp_path / "ends", generation_config=generation, config=config)
    if not generation.get("eos_token_id"):
        (folder / "generation_config.json").write_text("{}")
    assert ends(Checkpoint(str(folder))) == found
