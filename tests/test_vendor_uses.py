"""Which names a statement reads from outside itself."""

from __future__ import annotations

import ast

import pytest

from ipfs_accelerate_generator.vendor.uses import Target, Use, bound, uses


def names(code: str) -> set[str]:
    return {each.name for each in uses(ast.parse(code).body[0]) if not each.name.startswith('"')}


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("def f(a: A = d, *b: B, **c) -> R: return a + g", {"A", "d", "B", "R", "g"}),
        ("def f():\n    x = y\n    return x", {"y"}),
        ("def f():\n    def g(): return x\n    x = 1", set()),
        ("def f():\n    with open(p) as h: return [q for q in h if q > z]", {"open", "p", "z"}),
        ("X = [a for a in b for c in a]", {"b"}),
        ("X = {a: v for a in b}", {"b", "v"}),
        ("X = lambda a, b=c: a(b, d)", {"c", "d"}),
        (
            "class C(Base):\n    field: Kind = default\n    def m(self): return self.field",
            {"Base", "Kind", "default"},
        ),
        ("@decorated\nasync def f(): await g()", {"decorated", "g"}),
        ("def f():\n    try: a()\n    except E as e: return e", {"a", "E"}),
        ("def f(x):\n    match x:\n        case P(y): return y, z", {"P", "z"}),
        ("def f():\n    if (n := g()): return n", {"g"}),
    ],
)
def test_what_is_read_from_outside(code: str, read: set[str]) -> None:
    assert names(code) == read


def test_an_import_inside_is_known_by_what_it_stands_for() -> None:
    code = "def f():\n    from a.b import c\n    return c.d(e)"
    assert Use("c", "d", Target("a.b", "c")) in uses(ast.parse(code).body[0])
    assert Use("c", "d") not in uses(ast.parse(code).body[0])


@pytest.mark.parametrize(
    ("code", "names_"),
    [
        ("a = b = c", {"a", "b"}),
        ("(a, b), c[d] = e", {"a", "b", "c"}),
        ("a.b.c = d", {"a"}),
        ("def f():\n    x = 1", {"f"}),
        ("if a:\n    b = 1\nelse:\n    c = 2", {"b", "c"}),
        ("main(json.loads(x))", set()),
    ],
)
def test_what_a_statement_binds(code: str, names_: set[str]) -> None:
    assert bound(ast.parse(code).body[0]) == names_
