"""Fragments become one module: real names, one import section, each definition in its place and none twice."""

from __future__ import annotations

import ast
import itertools

import black
import pytest

from ipfs_accelerate_generator.compose import Part, compose
from ipfs_accelerate_generator.fragment import Fragment, fragment
from ipfs_accelerate_generator.rename import Origin, StandIns
from ipfs_accelerate_generator.templates.sources import ComposeError, Template

NAMES = StandIns(
    model=Origin("transformers", "BertForMaskedLM"),
    config=Origin("my_model.configuration", "MyConfig"),
    skill=Origin("ipfs_accelerate_skills", "hf_bert"),
)
PROSE = {"title": "BERT", "left_out": ()}

SPINE = '''"""$title."""

from __future__ import annotations

import sys
from pathlib import Path

A = 1
B = 2  # of $title

C: int = Path
HEADS = [one, two]
SKILL = (HEADS, load)
'''
ONE = '''"""This docstring is for who reads the template."""

from __future__ import annotations

import ipfs_accelerate_py.skills as skills
from numpy import zeros, array


def one() -> None:
    return array(skills)
'''
TWO = """from numpy import zeros

# Of `two`.
TWO = zeros
def two(): return TWO
"""
LOAD = '''from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy import array


class Kept:
    """Kept."""


def load(x: Mapping, y: array) -> Kept:
    from transformers import AutoConfig, AutoModelForMaskedLM
    import torch

    return torch.load(AutoModelForMaskedLM(AutoConfig()))
'''
WHOLE = '''"""BERT."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from numpy import array, zeros

import ipfs_accelerate_py.skills as skills

if TYPE_CHECKING:
    from collections.abc import Mapping

A = 1
B = 2  # of BERT

C: int = Path


def one() -> None:
    return array(skills)


# Of `two`.
TWO = zeros


def two():
    return TWO


HEADS = [one, two]


class Kept:
    """Kept."""


def load(x: Mapping, y: array) -> Kept:
    import torch
    from my_model.configuration import MyConfig
    from transformers import BertForMaskedLM

    return torch.load(BertForMaskedLM(MyConfig()))


SKILL = (HEADS, load)
'''


def part(text: str, name: str = "tasks/one", names: StandIns = NAMES) -> Fragment:
    return fragment(Template(name, text), text, names, PROSE)


def test_a_module_is_the_spine_with_every_definition_in_its_place() -> None:
    parts = [
        Part(part(ONE), "HEADS"),
        Part(part(TWO, "tasks/two"), "HEADS"),
        Part(part(LOAD, "hardware/load"), "SKILL"),
    ]
    whole = compose(part(SPINE, "families/spine"), parts)
    assert whole == WHOLE
    mode = black.Mode(line_length=110, target_versions={black.TargetVersion.PY311})
    assert black.format_str(whole, mode=mode) == whole


def test_whatever_the_order_of_the_parts_the_same_names_are_defined() -> None:
    texts = {"tasks/one": ONE, "tasks/two": TWO, "hardware/load": LOAD}
    found = set()
    for order in itertools.permutations(texts):
        parts = [Part(part(texts[name], name), "HEADS") for name in order]
        whole = compose(part(SPINE, "families/spine"), parts)
        found.add(frozenset(ast.dump(node) for node in ast.parse(whole).body))
    assert len(found) == 1


def test_parts_without_a_place_go_to_the_end() -> None:
    whole = compose(part("A = 1\n", "tests/spine"), [Part(part("def test() -> None: ...\n"))])
    assert whole == "A = 1\n\n\ndef test() -> None: ...\n"


@pytest.mark.parametrize(
    ("spine", "parts", "fact"),
    [
        ("HEADS = 1\n", {"tasks/one": ("def f(): pass\n", "SKILL")}, "does not assign SKILL"),
        ("X = 1\n", {"tasks/one": ("def X(): pass\n", "")}, "'X' is defined by families/spine and tasks/one"),
        (
            "from a import X\nY = X\n",
            {"tasks/one": ("X = 1\n", "")},
            "is defined by tasks/one and imported by",
        ),
        (
            "from a import X\nY = X\n",
            {"tasks/one": ("from b import X\nZ = X\n", "")},
            "is imported from a by families/spine and from b by tasks/one",
        ),
        ("X = missing\n", {}, "families/spine uses 'missing' in 'X'"),
        (
            "X = 1\n",
            {"tasks/one": ("def f():\n    return [g(y) for y in X]\n", "")},
            "tasks/one uses 'g' in 'f'",
        ),
    ],
)
def test_templates_that_do_not_fit_together_are_an_error(
    spine: str, parts: dict[str, tuple[str, str]], fact: str
) -> None:
    with pytest.raises(ComposeError, match=fact):
        compose(
            part(spine, "families/spine"),
            [Part(part(text, name), before) for name, (text, before) in parts.items()],
        )


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("print(1)\n", r"the statement 'print\(1\)' has no place in a module"),
        ("if True:\n    X = 1\n", "the statement 'if True:' has no place"),
        ("X = Y = 1\n", "has no place"),
        ("X, Y = 1, 2\n", "has no place"),
        ("X: int\n", "has no place"),
        ("import a; a.b()\n", "has no place"),
        ("for x in y: pass\n", "has no place"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    X = 1\n", "something other than imports"),
        ("from . import x\n", "relative import"),
        ("from x import *\n", r"'import \*'"),
        ("X = 1\n# the end\n", "a comment after the last definition"),
        ("def f():\n    from transformers import AutoTokenizer\n", "'AutoTokenizer' stands for a tokenizer"),
        ("import transformers\nX = transformers.AutoModel\n", "import a stand-in from transformers by name"),
    ],
)
def test_a_template_with_anything_else_is_an_error_that_names_it(text: str, fact: str) -> None:
    with pytest.raises(ComposeError, match=fact) as raised:
        part(text)
    assert str(raised.value).startswith("templates/tasks/one.py.jinja: ")


def test_names_bound_anywhere_are_not_missing() -> None:
    text = """def f(a, *b, c=1, **d):
    import os.path
    from x import y as z

    try:
        e = [g for g in a if (h := g)]
    except OSError as error:
        return error, os, z, h
    match a:
        case [i, *j]:
            return i, j, b
        case {"k": k, **m}:
            return k, m, d
        case n:
            return n, c, e, __file__
    class O: pass
    async def p(): return O
    return lambda q: (q, p)
"""
    assert compose(part(text, "families/spine"), [])


def test_the_stand_in_of_a_test_is_the_module() -> None:
    text = "from ipfs_accelerate_skills import hf_stand_in as skill\n\nX = skill\n"
    assert "from ipfs_accelerate_skills import hf_bert as skill\n" in compose(part(text, "tests/spine"), [])


def test_an_import_that_only_another_form_of_a_template_needs_is_in_nobodys_way() -> None:
    idle = part("from numpy import ones as array\n\n\ndef two() -> None:\n    pass\n", "tasks/two")
    user = part("from numpy import array\n\nONE = array\n")
    text = compose(part("HEADS = [two, ONE]\n", "families/x"), [Part(idle, "HEADS"), Part(user, "HEADS")])
    assert "from numpy import array\n" in text
    assert "ones" not in text
