"""Every option of generation gives the tokens that transformers' generate gives, alone and in a batch."""

import numpy as np
import pytest
import torch
from tiny_checkpoints import bert, changed

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.evidence.tiny import TEXTS
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.generation import OPTIONS, settings
from ipfs_accelerate_py.skills.logits import likely

OPTIONED = [
    {"repetition_penalty": 1.4},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 2},
    {"num_beams": 3},
    {"num_beams": 4, "num_return_sequences": 3, "length_penalty": 2.0},
    {"num_beams": 2, "early_stopping": True},
    {"num_beams": 3, "early_stopping": "never", "length_penalty": 0.5},
    {"num_beams": 3, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2},
]
NEW = 12


@pytest.fixture(scope="module")
def handler():
    return ia.load(str(bert("BertLMHeadModel")), "text-generation", "cpu")


@pytest.fixture(scope="module")
def theirs():
    """Transformers' own generation: prompt, ids that end a text, options -> the new tokens of each sequence."""
    from transformers import AutoTokenizer, BertLMHeadModel

    folder = bert("BertLMHeadModel")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertLMHeadModel.from_pretrained(folder, is_decoder=True).eval()

    def generate(prompt, ends=(), **options):
        given = tokenizer(prompt, return_tensors="pt")
        with torch.inference_mode():
            out = model.generate(
                given["input_ids"],
                attention_mask=given["attention_mask"],
                max_new_tokens=NEW,
                eos_token_id=list(ends) or None,
                pad_token_id=0,
                do_sample=False,
                **options,
            )
        return [until(row[given["input_ids"].shape[1] :].tolist(), ends) for row in out]

    return generate


def until(tokens, ends):
    """Return `tokens` up to and with the first that ends a text; transformers fills up behind it."""
    return next((tokens[: place + 1] for place, token in enumerate(tokens) if token in ends), tokens)


def written(answer):
    return [each["tokens"] for each in answer.get("sequences", [answer])]


@pytest.mark.parametrize("options", OPTIONED, ids=str)
def test_an_option_gives_what_it_gives_in_transformers(options, handler, theirs):
    want = [theirs(text, **options) for text in TEXTS]
    assert [written(answer) for answer in handler(list(TEXTS), max_new_tokens=NEW, **options)] == want
    assert [written(handler(text, max_new_tokens=NEW, **options)) for text in TEXTS] == want


@pytest.mark.parametrize("options", [{}, {"min_new_tokens": 6}, *OPTIONED[3:]], ids=str)
def test_several_ends_of_a_text_end_it_as_in_transformers(options, theirs, tmp_path):
    free = theirs(TEXTS[0])[0]
    stops = sorted({free[2], free[5], theirs(TEXTS[3])[0][3]})
    folder = changed(bert("BertLMHeadModel"), tmp_path / "ends", generation_config={"eos_token_id": stops})
    ending = ia.load(str(folder), "text-generation", "cpu")
    want = [theirs(text, stops, **options) for text in TEXTS]
    assert [written(answer) for answer in ending(list(TEXTS), max_new_tokens=NEW, **options)] == want


def test_the_options_change_something(theirs):
    assert len({str(theirs(TEXTS[0], **options)) for options in ({}, *OPTIONED[:4])}) >= 4


def test_a_text_ends_with_the_token_that_completes_a_stop_string(handler):
    """That transformers ends it there too is tested on types whose tokenizer it can take apart."""
    asked = {"max_new_tokens": NEW, "return_full_text": False}
    whole = handler(TEXTS[0], **asked)
    for string in (whole["text"][2:5], whole["text"][-3:-1], whole["text"][1]):
        answer = handler(TEXTS[0], stop_strings=string, **asked)
        count = len(answer["tokens"])
        assert answer["tokens"] == whole["tokens"][:count]
        assert string in answer["text"]
        before = handler(TEXTS[0], **{**asked, "max_new_tokens": count - 1}) if count > 1 else {"text": ""}
        assert string not in before["text"]
        assert handler(list(TEXTS), stop_strings=["@@", string], **asked)[0]["tokens"] == answer["tokens"]
    assert handler(TEXTS[0], stop_strings="nowhere to be seen", **asked)["tokens"] == whole["tokens"]


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({"stop_strings": ""}, "empty string"),
        ({"stop_strings": ["x", ""]}, "empty string"),
        ({"stop_strings": 7}, "stop_strings is 7"),
        ({"min_new_tokens": -1}, "min_new_tokens is -1"),
        ({"num_beams": 0}, "num_beams is 0"),
        ({"num_return_sequences": 2}, "num_return_sequences is 2"),
        ({"num_return_sequences": 3, "num_beams": 2}, "num_return_sequences is 3"),
        ({"repetition_penalty": 0}, "repetition_penalty is 0"),
        ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size is -1"),
        ({"min_p": 2}, "min_p is 2"),
        ({"length_penalty": float("nan")}, "length_penalty is nan"),
        ({"early_stopping": "later"}, "early_stopping is 'later'"),
    ],
)
def test_an_option_that_means_nothing_is_refused(options, fact, handler):
    with pytest.raises(InputError, match=fact):
        handler(TEXTS[0], **options)


def test_the_checkpoint_gives_the_defaults_and_the_user_overrules_them(tmp_path):
    said = {
        "repetition_penalty": 1.2,
        "top_k": 7,
        "max_new_tokens": 3,
        "transformers_version": "5",
        "seed": 4,
    }
    folder = changed(bert("BertLMHeadModel"), tmp_path / "said", generation_config=said)
    found = settings(Checkpoint(str(folder)))
    assert found == {**OPTIONS, "repetition_penalty": 1.2, "top_k": 7, "max_new_tokens": 3}
    handler = ia.load(str(folder), "text-generation", "cpu")
    assert len(handler(TEXTS[0])["tokens"]) == 3
    assert len(handler(TEXTS[0], max_new_tokens=5)["tokens"]) == 5


@pytest.mark.parametrize("ids", [[5, 10_000], [-1], [], [[1, 2], [3, 4]]])
def test_ids_that_no_text_has_are_refused(ids, handler):
    with pytest.raises(InputError):
        handler({"input_ids": ids})


def test_ids_are_continued_as_their_text_is(handler):
    from transformers import AutoTokenizer

    ids = AutoTokenizer.from_pretrained(bert("BertLMHeadModel"))(TEXTS[0])["input_ids"]
    assert handler({"input_ids": ids})["tokens"] == handler(TEXTS[0])["tokens"]


def test_sampled_sequences_of_one_prompt_differ_and_a_seed_repeats_them(handler):
    draws = [
        written(handler(TEXTS[0], do_sample=True, num_return_sequences=4, seed=seed, num_beams=beams))
        for seed, beams in ((1, 1), (1, 1), (2, 1), (1, 4))
    ]
    assert draws[0] == draws[1] != draws[2]
    assert all(len(each) == 4 for each in draws)
    assert len({tuple(tokens) for tokens in draws[0]}) > 1


@pytest.mark.parametrize("least", [1, 3])
@pytest.mark.parametrize(
    "options",
    [{"top_k": 5}, {"top_p": 0.7}, {"min_p": 0.2}, {"top_k": 6, "top_p": 0.8, "min_p": 0.1}],
    ids=str,
)
def test_what_may_be_drawn_is_what_the_filters_of_transformers_leave(options, least):
    from transformers import MinPLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    options = {**OPTIONS, "top_k": 0, "temperature": 1.5, **options}
    logits = np.random.default_rng(3).normal(size=40) * 3
    left = torch.from_numpy(logits)[None] / options["temperature"]
    for wanted, kind, value in (
        (options["top_k"] > 0, TopKLogitsWarper, options["top_k"]),
        (options["top_p"] < 1, TopPLogitsWarper, options["top_p"]),
        (options["min_p"] is not None, MinPLogitsWarper, options["min_p"]),
    ):
        left = kind(value, min_tokens_to_keep=least)(None, left) if wanted else left
    ids, scores = likely(logits, options, least=least)
    assert sorted(ids) == torch.isfinite(left[0]).nonzero()[:, 0].tolist()
    np.testing.assert_allclose(scores, left[0][ids].numpy())
