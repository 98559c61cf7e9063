"""The number that decides whether two results agree, and the controls that give it meaning."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ipfs_accelerate_py.evidence.cells import EvidenceError
from ipfs_accelerate_py.evidence.comparison import TOLERANCE, Array, compare, same_argmax
from ipfs_accelerate_py.evidence.controls import (
    CONTROL_FACTOR,
    Arrays,
    Control,
    changed,
    dropped,
    ignored,
    relative_change,
    sensitive,
)

arrays = hnp.arrays(
    np.float32, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(-1e6, 1e6, width=32)
)


@given(arrays)
def test_a_result_agrees_with_itself(value: Array) -> None:
    assert compare({"x": value}, {"x": value}).value == 0
    assert same_argmax(value, value)


@given(arrays, st.floats(-0.5, 0.5), st.data())
def test_the_difference_is_relative_to_the_largest_value(
    value: Array, share: float, data: st.DataObject
) -> None:
    scale = float(np.abs(value).max())
    place = data.draw(st.sampled_from(list(np.ndindex(value.shape))))
    moved = value.astype(np.float64)
    moved[place] += share * (scale or 1.0)
    assert compare({"x": moved}, {"x": value}).value == pytest.approx(abs(share), rel=1e-6, abs=1e-12)


@given(arrays, st.floats(0.001, 1000))
def test_the_difference_does_not_depend_on_the_unit(value: Array, unit: float) -> None:
    exact = value.astype(np.float64)
    one = compare({"x": exact * 1.01}, {"x": exact}).value
    assert compare({"x": exact * 1.01 * unit}, {"x": exact * unit}).value == pytest.approx(one, rel=1e-6)


def test_a_large_output_does_not_hide_a_wrong_small_one() -> None:
    want = {"hidden": np.array([1e6, 2e6]), "score": np.array([0.1, 0.2])}
    found = compare({**want, "score": np.array([0.1, 0.1])}, want)
    assert found.value == pytest.approx(0.5)
    assert found.place == "score at [1]"
    assert str(found) == "largest difference 0.5 (output score at [1])"


@pytest.mark.parametrize(
    ("got", "want", "message"),
    [
        ({}, {"logits": np.zeros(2)}, "output 'logits' is missing"),
        ({"logits": np.zeros((2, 3))}, {"logits": np.zeros((3, 2))}, r"'logits' has shape \(2, 3\)"),
        ({"x": np.array([[0.0, np.nan]])}, {"x": np.zeros((1, 2))}, r"'x' is nan at \[0, 1\]"),
        ({"x": np.array([1.0, np.inf])}, {"x": np.array([1.0, 2.0])}, r"'x' is inf at \[1\]"),
        ({"x": np.array([1.0, 2.0])}, {"x": np.array([1.0, -np.inf])}, r"'x' is 2.0 at \[1\] where .* -inf"),
        ({"x": np.array([1.0, np.inf])}, {"x": np.array([1.0, -np.inf])}, r"'x' is inf at \[1\]"),
        (
            {"ids": np.array([30000, 7])},
            {"ids": np.array([30000, 8])},
            r"'ids' is 7 at \[1\], the reference 8",
        ),
        ({"mask": np.array([True])}, {"mask": np.array([False])}, "integers must be equal"),
    ],
)
def test_what_cannot_be_compared_says_what_and_where(got: Arrays, want: Arrays, message: str) -> None:
    found = compare(got, want)
    assert math.isinf(found.value)
    assert not found.within(1e30)
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(str(found))


def test_what_is_infinite_in_the_reference_may_be_so_in_the_result() -> None:
    value = {"x": np.array([1.0, -np.inf, np.nan])}
    assert compare(value, value).value == 0


def test_what_stands_for_infinity_does_not_hide_a_wrong_score() -> None:
    least = np.finfo(np.float32).min
    want = {"logits": np.array([least, 1.0, 2.0], dtype=np.float32)}
    assert compare({"logits": np.array([least, 1.0, 3.0], dtype=np.float32)}, want).value == 0.5
    assert compare({"logits": np.array([-np.inf, 1.0, 2.0], dtype=np.float32)}, want).value == 0
    assert compare({"logits": np.array([0.0, 1.0, 2.0], dtype=np.float32)}, want).value == math.inf


def test_an_empty_output_and_zeros_can_be_compared() -> None:
    assert compare({"x": np.zeros((0, 3))}, {"x": np.zeros((0, 3))}).value == 0
    assert compare({"x": np.full(2, 0.25)}, {"x": np.zeros(2)}).value == 0.25


def test_no_reference_proves_nothing_and_is_refused() -> None:
    with pytest.raises(EvidenceError, match="nothing would be compared"):
        compare({"x": np.zeros(1)}, {})


def test_half_precision_does_not_overflow_in_the_comparison() -> None:
    value = np.array([60000.0, -60000.0], dtype=np.float16)
    assert compare({"x": -value}, {"x": value}).value == 2


def test_an_argmax_differs_only_by_more_than_a_tie() -> None:
    want = np.array([[1.0, 1.0 - TOLERANCE, -5.0]])
    assert same_argmax(np.array([[1.0, 1.0005, 0.0]]), want)
    assert not same_argmax(np.array([[1.0, 0.9, 2.0]]), want)
    assert not same_argmax(np.array([[1.0, np.nan, 0.0]]), want)
    assert not same_argmax(np.zeros((1, 2)), want)


@given(arrays, st.data())
def test_results_within_the_tolerance_have_the_same_argmax(value: Array, data: st.DataObject) -> None:
    noise = data.draw(hnp.arrays(np.float64, value.shape, elements=st.floats(-TOLERANCE, TOLERANCE)))
    assert same_argmax(value + noise * np.abs(value).max(), value)


def test_controls_need_a_hundred_times_the_tolerance() -> None:
    enough = Control("mask ignored", CONTROL_FACTOR * TOLERANCE)
    assert sensitive([enough])
    assert not sensitive([enough, Control("token changed", 0.004)])
    assert not sensitive([])
    with pytest.raises(EvidenceError, match="at least 0"):
        Control("mask ignored", math.nan)


def _pool(inputs: Arrays) -> Arrays:
    mask = inputs.get("mask", np.ones_like(inputs["x"]))
    return {"mean": (inputs["x"] * mask).sum(-1) / mask.sum(-1), "best": inputs["x"].argmax(-1)}


def test_a_control_measures_what_the_input_is_worth() -> None:
    batch = {"x": np.array([[1.0, 3.0]]), "mask": np.array([[1.0, 0.0]])}
    assert ignored(_pool, batch, "mask") == Control("mask ignored", 1.0)
    assert dropped(_pool, batch, "mask") == Control("mask dropped", 1.0)
    assert changed(_pool, batch, "x", np.array([[1.5, 3.0]])) == Control("x changed", 0.5)


def test_a_control_of_choices_alone_is_the_share_that_changed() -> None:
    before = {"codes": np.array([[3, 1, 4, 1]])}
    assert relative_change(before, {"codes": np.array([[3, 5, 4, 2]])}) == 0.5
    scored = {**before, "scores": np.array([1.0, -2.0])}
    assert relative_change(scored, {"codes": np.array([[0, 0, 0, 0]]), "scores": np.array([1.0, -2.0])}) == 0


def test_a_control_may_move_what_is_ruled_out() -> None:
    least = np.finfo(np.float32).min
    before = {"logits": np.array([least, 1.0, 2.0], dtype=np.float32)}
    assert relative_change(before, {"logits": np.array([1.0, least, 2.0], dtype=np.float32)}) == 0.5


def test_a_control_that_could_say_nothing_is_refused() -> None:
    batch = {"x": np.ones((1, 2)), "mask": np.ones((1, 2))}
    with pytest.raises(EvidenceError, match="give a padded batch"):
        ignored(_pool, batch, "mask")
    with pytest.raises(EvidenceError, match=r"'pixels' is not there .* \['mask', 'x'\]"):
        dropped(_pool, batch, "pixels")
    with pytest.raises(EvidenceError, match="must not change what can be compared"):
        relative_change({"x": np.zeros(2)}, {"x": np.zeros(3)})
