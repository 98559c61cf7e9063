"""What a template may paste: a literal says exactly its value, and a name is a name."""

from __future__ import annotations

import ast
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipfs_accelerate_generator.literals import SHORTEST_RUN, Identifier, literal
from ipfs_accelerate_py.hardware.backend import Backend

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(st.one_of(st.text(), st.integers()), inner),
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(values)
def test_a_literal_evaluates_to_its_value(value: object) -> None:
    back = _evaluated(literal(value))
    assert (back, type(back)) == (value, type(value))


@given(st.lists(st.sampled_from([0, 1, True, 1.0, -3])), st.integers(0, 40))
def test_a_number_that_is_repeated_is_written_once(around: list[object], times: int) -> None:
    value = [*around, *[7] * times, *around]
    written = literal(value)
    assert str(_evaluated(written)) == str(value)  # True and 1.0 are equal to 1, and must not become it
    assert written.count("7") == (times if times < SHORTEST_RUN else 1 + str(times).count("7"))


def _evaluated(written: str) -> object:
    """Return what `written` evaluates to where no name means anything."""
    return eval(written, {"__builtins__": {}})  # what is tested is that it is only a literal


@settings(deadline=None)
@given(st.text(max_size=2000))
def test_a_text_is_one_expression_on_one_line_whatever_it_holds(text: str) -> None:
    written = literal(text)
    assert len(written.splitlines()) == 1
    assert len(ast.parse(f"x = {written}\ny = 1").body) == 2


def test_a_long_text_is_written_in_pieces_that_python_joins() -> None:
    text = "a reason that was found " * 30
    assert ast.literal_eval(literal({"reason": text})) == {"reason": text}
    assert max(len(piece) for piece in literal(text).split("' '")) < 100


def test_a_member_of_an_enumeration_is_its_text() -> None:
    assert literal(Backend.OPENVINO) == "'openvino'"


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"raw", SimpleNamespace(), float("nan"), float("inf"), len]
)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"has no literal"):
        literal([value])


def test_what_contains_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="deeper than"):
        literal(endless)


@pytest.mark.parametrize("name", ["", "a b", "1a", "class", "None", "a.b", "x\ny", "ª", "x=1"])
def test_what_is_no_ascii_name_is_no_identifier(name: str) -> None:
    with pytest.raises(ValueError, match="is not a Python name"):
        Identifier(name)
