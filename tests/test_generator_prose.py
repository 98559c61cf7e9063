"""Values in docstrings and comments: whatever they hold, they stay text."""

from __future__ import annotations

import ast
import io
import tokenize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipfs_accelerate_generator.prose import LISTS, PLACEHOLDERS, fill_comment, fill_docstring

nasty = st.one_of(
    st.text(max_size=200),
    st.text(st.sampled_from("\"'\\\n\r\t#$ {}x\x00\u2028\u202e\x85"), max_size=60),
    st.sampled_from(['"""', 'x"', "\\", '\\"""', "$title", "$$", "# noqa", 'a""" + f() + """', "\ud800"]),
)


@settings(deadline=None)
@given(nasty, nasty)
def test_no_value_can_end_a_docstring(one: str, two: str) -> None:
    docstring = fill_docstring('"""$title and $family$title, "$title"\n\n    - $left_out\n    """', {
        "title": one, "family": two, "left_out": (two, one)
    })  # fmt: skip
    body = ast.parse(f"def f():\n    {docstring}\n    return 1\n").body
    function = body[0]
    assert len(body) == 1
    assert isinstance(function, ast.FunctionDef)
    assert [type(node) for node in function.body] == [ast.Expr, ast.Return]
    assert isinstance(ast.get_docstring(function), str)


@settings(deadline=None)
@given(nasty)
def test_no_value_can_end_a_comment(value: str) -> None:
    text = f"x = 1  {fill_comment('# about $title', {'title': value})}\ny = 2\n"
    tokens = [token.type for token in tokenize.generate_tokens(io.StringIO(text).readline)]
    assert tokens.count(tokenize.COMMENT) == 1
    assert len(ast.parse(text).body) == 2


def test_a_dollar_sign_is_written_twice_and_a_value_is_not_read_again() -> None:
    values = {"title": "$family", "family": "wrong"}
    assert fill_docstring('"""$title costs $$5."""', values) == '"""$family costs $5."""'
    assert fill_comment("# $title costs $$5", values) == "# $family costs $5"


def test_a_list_repeats_its_line_and_vanishes_when_it_is_empty() -> None:
    docstring = '"""Title.\n\n    - left out: $left_out\n    """'
    assert fill_docstring(docstring, {"left_out": ("a", "b")}) == (
        '"""Title.\n\n    - left out: a\n    - left out: b\n    """'
    )
    assert fill_docstring(docstring, {"left_out": ()}) == '"""Title.\n    """'


def test_a_line_that_becomes_too_long_is_wrapped_where_it_stood() -> None:
    filled = fill_docstring('"""Title.\n\n    - $left_out\n    """', {"left_out": ("many words " * 30,)})
    lines = filled.splitlines()[2:-1]
    assert max(map(len, lines)) <= 110
    assert lines[0].startswith("    - many")
    assert all(line.startswith("      many") or line.startswith("      words") for line in lines[1:])


def test_a_value_gives_no_orders_to_tools() -> None:
    assert "#" not in fill_comment("# $title", {"title": "# noqa # type: ignore"})[1:]


@pytest.mark.parametrize("kind", PLACEHOLDERS)
def test_the_lists_are_known_everywhere(kind: str) -> None:
    assert set(LISTS) <= PLACEHOLDERS[kind]
