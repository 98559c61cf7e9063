"""Numbers after the model: probabilities are probabilities, the best are the best, and entities cover their tokens."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tiny_checkpoints import KINDS, bert, weightless

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.entities import STRATEGIES, Token, entities, text_tokens
from ipfs_accelerate_py.skills.scores import (
    chosen,
    entailment,
    labels,
    ranking,
    scores,
    scoring,
    sigmoid,
    softmax,
    top,
)
from ipfs_accelerate_py.skills.spans import best_spans
from ipfs_accelerate_py.skills.text import TextInput

WIDE = st.floats(-1e4, 1e4, width=32)
LOGITS = hnp.arrays(np.float32, st.integers(1, 40), elements=WIDE)
NAMES = tuple(KINDS.values())


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=3, max_side=9), elements=WIDE), WIDE)
def test_softmax_gives_probabilities_that_sum_to_one_and_ignore_a_shift(logits, shift):
    likely = softmax(logits.astype(np.float64))
    assert ((likely >= 0) & (likely <= 1)).all()
    np.testing.assert_allclose(likely.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(softmax(logits.astype(np.float64) + shift), likely, atol=1e-9)


@given(LOGITS)
def test_sigmoid_gives_each_its_own_probability_without_overflow(logits):
    likely = sigmoid(logits)
    assert ((likely >= 0) & (likely <= 1)).all()
    np.testing.assert_allclose(likely + sigmoid(-logits), 1, atol=1e-6)
    order = np.argsort(logits, kind="stable")
    assert (np.diff(likely[order]) >= 0).all()


@given(
    LOGITS | hnp.arrays(np.float32, st.integers(1, 40), elements=st.sampled_from([0.0, 1.0, 2.0])),
    st.integers(1, 50),
)
def test_the_top_are_the_largest_in_order_and_ties_go_by_place(values, count):
    want = sorted(range(values.size), key=lambda place: (-values[place], place))[:count]
    assert top(values, count) == want


@pytest.mark.parametrize("count", [0, -1, None, 1.0, "5", True])
def test_a_count_that_is_no_whole_number_from_one_is_refused(count):
    with pytest.raises(InputError, match=r"top_k is .*; it is a whole number from 1"):
        top(np.ones(3), count)
    if count is not None:
        with pytest.raises(InputError, match="top_k"):
            ranking(np.ones(3), ("a", "b", "c"), count)
        with pytest.raises(InputError, match="top_k"):
            best_spans(np.ones(3), np.ones(3), np.ones(3, dtype=bool), count=count, longest=2)


@given(LOGITS)
def test_a_ranking_without_a_count_names_every_label_once_best_first(values):
    names = tuple(f"label {place}" for place in range(values.size))
    ranked = ranking(values, names, None)
    assert sorted(one["label"] for one in ranked) == sorted(names)
    assert [one["score"] for one in ranked] == sorted((float(value) for value in values), reverse=True)


@pytest.mark.parametrize(
    ("config", "names", "function"),
    [
        ({}, ("LABEL_0", "LABEL_1"), "softmax"),
        ({"id2label": {"0": "a", "1": "b"}}, ("a", "b"), "softmax"),
        (
            {"id2label": {"1": "b", "0": "a"}, "problem_type": "multi_label_classification"},
            ("a", "b"),
            "sigmoid",
        ),
        ({"id2label": {"0": "a"}}, ("a",), "sigmoid"),
        ({"id2label": {"0": "a"}, "problem_type": "regression"}, ("a",), "none"),
        ({"num_labels": 3}, ("LABEL_0", "LABEL_1", "LABEL_2"), "softmax"),
    ],
)
def test_labels_and_their_function_are_the_checkpoints(config, names, function, tmp_path):
    checkpoint = Checkpoint(str(weightless(tmp_path, **config)))
    assert labels(checkpoint) == names
    assert scoring(checkpoint) == function


@pytest.mark.parametrize("table", [{"0": "a", "2": "c"}, {"1": "a"}, ["a"], "ab", 7])
def test_a_table_of_labels_with_gaps_is_refused(table, tmp_path):
    with pytest.raises(CheckpointError, match=r"config\.json: id2label"):
        labels(Checkpoint(str(weightless(tmp_path, id2label=table))))


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (["contradiction", "neutral", "entailment"], (2, 0)),
        (["ENTAILMENT", "neutral", "contradiction"], (0, 2)),
        (["not_entailment", "entailment"], (1, 0)),
    ],
)
def test_entailment_is_found_by_its_name(names, places, tmp_path):
    table = {str(place): name for place, name in enumerate(names)}
    assert entailment(Checkpoint(str(weightless(tmp_path, id2label=table)))) == places


def test_a_checkpoint_that_knows_no_entailment_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="none of its labels glad, sad is entailment"):
        entailment(Checkpoint(str(weightless(tmp_path, id2label={"0": "glad", "1": "sad"}))))


def test_a_function_that_is_not_known_is_refused():
    with pytest.raises(InputError, match="function_to_apply is 'tanh'; it is one of sigmoid, softmax, none"):
        scores(np.ones(3), "tanh")


def test_targets_are_tokens_of_the_vocabulary_each_once():
    text = TextInput(Checkpoint(str(bert())), ("input_ids",), "max_position_embeddings")
    cat = text.tokenizer.token_to_id("cat")
    assert chosen(None, text) is None
    assert chosen("cat", text) == chosen(["cat", "cat"], text) == [cat]
    for wrong, fact in (
        ("zebra", "target 'zebra' is not in the vocabulary"),
        ([], "targets is empty"),
        (7, "targets"),
    ):
        with pytest.raises(InputError, match=fact):
            chosen(wrong, text)


@st.composite
def _questions(draw):
    count = draw(st.integers(1, 14))
    start, end = (
        draw(hnp.arrays(np.float32, count, elements=st.floats(-50, 50, width=32))) for _ in range(2)
    )
    allowed = draw(hnp.arrays(bool, count))
    return start, end, allowed


@given(_questions(), st.integers(1, 9), st.integers(1, 9))
def test_the_best_spans_are_allowed_ordered_short_enough_and_really_the_best(question, count, longest):
    start, end, allowed = question
    if not allowed.any():
        with pytest.raises(InputError, match="no token in which an answer could lie"):
            best_spans(start, end, allowed, count=count, longest=longest)
        return
    found = best_spans(start, end, allowed, count=count, longest=longest)
    first = softmax(np.where(allowed, start.astype(float), -np.inf))
    last = softmax(np.where(allowed, end.astype(float), -np.inf))
    possible = [
        first[a] * last[b]
        for a in range(len(start))
        for b in range(a, min(a + longest, len(start)))
        if allowed[a] and allowed[b]
    ]
    assert len({(span.start, span.end) for span in found}) == len(found) == min(count, len(possible))
    for span in found:
        assert span.start <= span.end < span.start + longest
        assert allowed[span.start]
        assert allowed[span.end]
    np.testing.assert_allclose([span.score for span in found], sorted(possible, reverse=True)[: len(found)])
    assert sum(possible) <= 1 + 1e-9


@pytest.mark.parametrize("longest", [0, -3, None, "9", 2.0])
def test_a_longest_answer_that_is_no_whole_number_is_refused(longest):
    with pytest.raises(InputError, match="max_answer_len"):
        best_spans(np.ones(3), np.ones(3), np.ones(3, dtype=bool), count=1, longest=longest)


@st.composite
def _tokens(draw):
    """Tokens of a made-up text: words of one to three pieces with a space between."""
    found, place = [], 0
    for word in draw(st.lists(st.integers(1, 3), min_size=1, max_size=8)):
        for piece in range(word):
            logits = draw(hnp.arrays(np.float64, len(NAMES), elements=st.floats(-9, 9)))
            found.append(Token(f"p{place}", softmax(logits), place, place + 2, len(found), piece > 0))
            place += 2
        place += 1
    return found


@given(_tokens(), st.sampled_from(STRATEGIES), st.sampled_from([(), ("O",)]))
def test_entities_lie_in_order_inside_the_text_and_none_is_ignored_by_mistake(tokens, strategy, ignore):
    found = entities(tokens, NAMES, strategy=strategy, ignore=ignore, decode="".join)
    starts, ends = ([one[side] for one in found] for side in ("start", "end"))
    assert all(start < end for start, end in zip(starts, ends, strict=True))
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    key = "entity" if strategy == "none" else "entity_group"
    kinds = NAMES if strategy == "none" else {"O", "PER", "LOC"}
    assert all(one[key] in kinds and one[key] not in ignore and 0 < one["score"] <= 1 for one in found)
    if not ignore:  # everything is covered: what is joined is exactly the text's tokens, in order
        assert "".join(one["word"] for one in found) == "".join(token.word for token in tokens)


@given(_tokens(), st.sampled_from(["first", "average", "max"]))
def test_a_word_is_never_split_between_entities(tokens, strategy):
    found = entities(tokens, NAMES, strategy=strategy, ignore=(), decode="".join)
    begins = {one["start"] for one in found}
    assert not begins & {token.start for token in tokens if token.continues}


def test_an_unknown_strategy_is_refused():
    with pytest.raises(InputError, match="aggregation_strategy is 'best'; it is one of none, simple"):
        entities([], NAMES, strategy="best", ignore=(), decode="".join)


@settings(deadline=None)
@given(st.text(min_size=1).filter(str.strip))
def test_tokens_stand_where_the_text_says(source):
    text = TextInput(Checkpoint(str(bert())), ("input_ids", "attention_mask"), "max_position_embeddings")
    (tokens,) = text.encode([source])
    for token in text_tokens(text, source, tokens, np.ones((tokens.ids.size, 1))):
        assert 0 <= token.start <= token.end <= len(source)
        assert not tokens.special[token.index]


def test_extreme_logits_raise_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert softmax(np.asarray([-1e30, 0.0, 1e30], dtype=np.float32)).tolist() == [0, 0, 1]
        assert sigmoid(np.asarray([-1e30, 1e30], dtype=np.float32)).tolist() == [0, 1]
