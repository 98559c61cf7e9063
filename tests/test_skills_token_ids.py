"""Token ids that were made elsewhere give the answers of the text that they stand for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_checkpoints import bert

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.evidence.tiny import TEXTS
from ipfs_accelerate_py.skills import token_ids

NAMES = ("input_ids", "attention_mask", "token_type_ids")
BELOW = {"input_ids": 50, "attention_mask": 2, "token_type_ids": 2}
STAMPS = {"inference_time", "notice"}
HEADS = {
    "feature-extraction": ("BertModel", "moods"),
    "fill-mask": ("BertForMaskedLM", "moods"),
    "text-classification": ("BertForSequenceClassification", "moods"),
    "token-classification": ("BertForTokenClassification", "kinds"),
}
SENTENCE = "Two dogs [MASK] over the green hill."


def _arrays(item, **changed):
    return token_ids.arrays(item, NAMES, below=BELOW, longest=9, index=3, **changed)


@given(st.lists(st.integers(0, 49), min_size=1, max_size=9))
def test_a_row_of_ids_gets_a_mask_of_ones_and_types_of_zeros(ids):
    for form in (ids, [ids], tuple(ids), np.asarray(ids), np.asarray([ids], dtype=np.int32)):
        found = _arrays({"input_ids": form})
        assert list(found) == list(NAMES)
        assert all(array.dtype == np.int64 and array.shape == (len(ids),) for array in found.values())
        assert found["input_ids"].tolist() == ids
        assert found["attention_mask"].all()
        assert not found["token_type_ids"].any()


@pytest.mark.parametrize(
    ("item", "fact"),
    [
        ({"input_ids": []}, r"input_ids is of shape \(0,\)"),
        ({"input_ids": [[1], [2]]}, r"shape \(2, 1\).*several as a list"),
        ({"input_ids": [[1, 2], [3]]}, "input_ids is no row of numbers"),
        ({"input_ids": 7}, r"shape \(\)"),
        ({"input_ids": "12"}, "type <U2"),
        ({"input_ids": [1.0, 2.0]}, "type float64"),
        ({"input_ids": [True]}, "type bool"),
        ({"input_ids": [None]}, "type object"),
        ({"input_ids": [1, -1]}, "input_ids holds -1; the checkpoint knows 0 to 49"),
        ({"input_ids": [1, 50]}, "input_ids holds 50; the checkpoint knows 0 to 49"),
        ({"input_ids": [2**63]}, "holds 9223372036854775808"),
        ({"input_ids": [10**30]}, "type object"),
        ({"input_ids": [1] * 10}, "holds 10 ids; the checkpoint takes 9"),
        ({"input_ids": [1, 2], "attention_mask": [1]}, "attention_mask has 1 places, and input_ids has 2"),
        ({"input_ids": [1, 2], "attention_mask": [0, 0]}, "attention_mask is 0 everywhere"),
        (
            {"input_ids": [1, 2], "attention_mask": [1, 2]},
            "attention_mask holds 2; the checkpoint knows 0 to 1",
        ),
        ({"input_ids": [1, 2], "token_type_ids": [0, 2]}, "token_type_ids holds 2"),
        ({"input_ids": [1, 2], "pixel_values": [1]}, "holds 'pixel_values'; this model takes input_ids"),
    ],
)
def test_ids_that_the_model_cannot_take_are_refused_with_their_place(item, fact):
    with pytest.raises(InputError, match=f"input 3: .*{fact}"):
        _arrays(item)


@pytest.fixture(scope="module", params=HEADS)
def handler(request):
    return ia.load(str(bert(*HEADS[request.param])), request.param, "cpu")


@pytest.fixture(scope="module")
def encoded():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bert())
    return {text: dict(tokenizer(text)) for text in (SENTENCE, "Rain [MASK].")}


def _bare(answer):
    kept = {name: value for name, value in answer.items() if name not in STAMPS}
    for entity in kept.get("entities", ()):
        entity |= {"start": None, "end": None}
    return kept


def test_ids_give_the_answer_of_their_text_alone_and_among_texts(handler, encoded):
    want = handler(list(encoded))
    for got in (
        handler(list(encoded.values())),
        [handler({"input_ids": ids["input_ids"]}) for ids in encoded.values()],
        [handler(SENTENCE), handler(encoded["Rain [MASK]."])],
    ):
        for theirs, ours in zip(want, got, strict=True):
            _close(_bare(ours), _bare(theirs))


def _close(ours, theirs):
    """Batches of another shape are summed in another order: the last digits of a float32 differ."""
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for name in ours:
            _close(ours[name], theirs[name])
    elif isinstance(ours, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            _close(one, other)
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)
    else:
        assert ours == theirs


@settings(max_examples=20, deadline=None)
@given(
    unread=st.lists(st.integers(5, 60), min_size=1, max_size=20)
)  # not the mask, which is asked about anywhere
def test_masked_ids_do_not_matter(unread, handler, encoded):
    item, zeros = encoded[SENTENCE], [0 for _ in unread]
    longer = {
        "input_ids": [*item["input_ids"], *unread],
        "attention_mask": [*item["attention_mask"], *zeros],
        "token_type_ids": [*item["token_type_ids"], *zeros],
    }
    got, want = _bare(handler(longer)), _bare(handler(item))
    for guess in (got, want, *got.get("guesses", ()), *want.get("guesses", ())):
        guess.pop("sequence", None)  # all ids as text, those that are not read too
    _close(got, want)


def test_an_id_outside_the_vocabulary_is_refused_before_the_model_sees_it(handler):
    with pytest.raises(InputError, match=r"^input 1: input_ids holds 100000; the checkpoint knows 0 to \d+$"):
        handler([TEXTS[0] + " [MASK]", {"input_ids": [100_000]}])
    with pytest.raises(InputError, match=r"^holds 65 ids; the checkpoint takes 64"):
        handler({"input_ids": [5] * 65})


def test_a_task_that_needs_the_text_itself_refuses_ids():
    with pytest.raises(InputError, match=r"^(is a dict|this task takes)"):
        ia.load(str(bert("BertForQuestionAnswering")), "question-answering", "cpu")({"input_ids": [1, 2]})


def test_ids_are_continued_as_their_text_is():
    handler = ia.load(str(bert("BertLMHeadModel")), "text-generation", "cpu")
    ids = handler.steps.prepare([TEXTS[0]], handler.steps.options)[0].rows[0]["input_ids"]
    answers = handler([{"input_ids": ids.tolist()}, TEXTS[0]], max_new_tokens=6)
    assert answers[0]["tokens"] == answers[1]["tokens"]
