"""Rows of any lengths go through batches and come back in order, and what fills them up never matters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipfs_accelerate_py.errors import InputError, UnknownName
from ipfs_accelerate_py.skills import Example, Handler, Place, Steps
from ipfs_accelerate_py.skills.batching import batches, collate

PADDING = {"ids": 9, "mask": 0}
TEXTS = st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=12), min_size=1, max_size=80)
SIZES = st.integers(1, 40)


def _row(ids, place=0):
    numbers = np.asarray(ids)
    return {"ids": numbers, "mask": np.ones_like(numbers), "place": np.asarray(place)}


@given(TEXTS, SIZES)
def test_every_row_is_in_one_batch_once_unchanged_and_filled_up(texts, size):
    rows = [_row(ids, place) for place, ids in enumerate(texts)]
    seen = []
    for places, batch in batches(rows, PADDING, size):
        assert 1 <= len(places) <= size
        assert batch["place"].tolist() == places
        for place, ids, mask in zip(places, batch["ids"], batch["mask"], strict=True):
            count = len(texts[place])
            assert ids[:count].tolist() == texts[place]
            assert (ids[count:] == 9).all()
            assert mask.tolist() == [1] * count + [0] * (len(mask) - count)
        seen += places
    assert sorted(seen) == list(range(len(texts)))


@given(TEXTS, SIZES)
def test_longest_rows_come_first_so_that_little_is_filled_up(texts, size):
    planned = list(batches([_row(ids) for ids in texts], PADDING, size))
    lengths = [len(texts[place]) for places, _ in planned for place in places]
    assert lengths == sorted(lengths, reverse=True)
    for places, batch in planned:
        assert batch["ids"].shape == (len(places), len(texts[places[0]]))


@given(TEXTS)
def test_types_stay_what_they_are(texts):
    for kind in (np.int64, np.float32):
        batch = collate([{"ids": np.asarray(ids, dtype=kind)} for ids in texts], PADDING)
        assert batch["ids"].dtype == kind


def summing(many=False):
    """Return a handler of a model that adds up the ids that its mask shows, and how it was called."""
    calls = []

    def forward(batch):
        calls.append(batch["ids"].shape)
        return {"sum": (batch["ids"] * batch["mask"]).sum(axis=1)}

    def prepare(items, options):
        for index, item in enumerate(items):
            if not isinstance(item, str):
                raise InputError("is no text", index=index)
        return [
            Example(tuple(_row([len(word) for word in part.split()]) for part in item.split("|")))
            for item in items
        ]

    def present(example, rows, options):
        return {"sums": [options["times"] * int(row["sum"]) for row in rows]}

    steps = Steps(
        prepare, present, ("a b",), PADDING, options={"times": 1, "needed": 0}, required=("needed",)
    )
    handler = Handler(
        task="summing",
        model="none",
        steps=steps,
        forward=forward,
        place=Place("cpu", "here"),
        many=(lambda feeds: [forward(feed) for feed in feeds]) if many else None,
    )
    return handler, calls


WORDS = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=9).map(" ".join)
ITEMS = st.lists(st.lists(WORDS, min_size=1, max_size=3).map("|".join), min_size=1, max_size=70)


def _want(item, times=1):
    return [times * sum(len(word) for word in part.split()) for part in item.split("|")]


@pytest.mark.parametrize("many", [False, True])
@given(items=ITEMS, times=st.integers(1, 3))
def test_answers_come_in_the_order_of_inputs_whatever_rows_each_has(items, times, many):
    handler, calls = summing(many)
    for form in (items, tuple(items)):
        answers = handler(form, needed=0, times=times)
        assert [answer["sums"] for answer in answers] == [_want(item, times) for item in items]
    assert all(rows <= 32 for rows, _ in calls)


@given(items=ITEMS)
def test_an_input_alone_has_the_answer_that_it_has_in_a_list(items):
    handler, _ = summing()
    for item, answer in zip(items, handler(items, needed=0), strict=True):
        alone = handler(item, needed=0)
        assert alone.keys() == answer.keys()
        assert alone["sums"] == answer["sums"]


@given(items=ITEMS, place=st.integers(0, 70), wrong=st.sampled_from([7, None, b"a", {}]))
def test_a_wrong_input_is_named_by_its_place_and_alone_without_one(items, place, wrong):
    handler, calls = summing()
    place = min(place, len(items))
    with pytest.raises(InputError, match=f"^input {place}: is no text$") as caught:
        handler([*items[:place], wrong, *items[place:]], needed=0)
    assert caught.value.index == place
    with pytest.raises(InputError, match=r"^is no text$") as caught:
        handler(wrong, needed=0)
    assert caught.value.index is None
    assert not calls  # nothing was computed


@pytest.mark.parametrize("empty", [[], ()])
def test_an_empty_list_is_refused(empty):
    with pytest.raises(InputError, match="the list of inputs is empty"):
        summing()[0](empty, needed=0)


def test_an_option_that_is_unknown_or_missing_is_named():
    handler, _ = summing()
    with pytest.raises(UnknownName, match=r"summing option 'tims' is not known; did you mean 'times'\?"):
        handler("a", needed=0, tims=2)
    with pytest.raises(InputError, match=r"summing needs needed=\.\.\."):
        handler("a")


def test_the_times_of_a_calls_answers_do_not_add_up_to_more_than_the_call():
    import time

    handler, _ = summing()
    started = time.perf_counter()
    answers = handler(["a b c"] * 50, needed=0)
    seconds = time.perf_counter() - started
    assert 0 < sum(answer["inference_time"] for answer in answers) <= seconds
    assert len({answer["inference_time"] for answer in answers}) == 1


@pytest.mark.parametrize("simulated", [False, True])
def test_an_answer_says_where_it_was_computed_and_if_that_was_simulated(simulated):
    handler, _ = summing()
    handler.place = Place("webgpu", "a software adapter", simulated=simulated)
    answer = handler("a", needed=0)
    assert (answer["model"], answer["task"], answer["backend"], answer["device"]) == (
        "none",
        "summing",
        "webgpu",
        "a software adapter",
    )
    assert answer.get("simulated", False) is simulated
