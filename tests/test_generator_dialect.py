"""A template that is not well formed is refused with its line, the fact and what to do; a good one renders."""

from __future__ import annotations

import pytest
from small_templates import TEMPLATES

from ipfs_accelerate_generator.literals import Identifier
from ipfs_accelerate_generator.render import check, render
from ipfs_accelerate_generator.templates.sources import Template, TemplateError

WRONG = [
    ("def f(:", 1, "is not valid Python as it stands"),
    ("x = {{spec.title", 1, "is not valid Python as it stands"),
    ("class {{spec.title}}:\n    pass", 1, "is not valid Python as it stands"),
    ('y = 1\nx = "{{spec.title}}"', 2, "'{{' in a string"),
    ('x = f"{{spec.title}}"', 1, "'{{' in a string"),
    ('def f():\n    """About {{spec.title}}."""', 2, "'{{' in a string"),
    ('x = """\n\n{{spec.title}}"""', 3, "'{{' in a string"),
    ("x = 1  # {{spec.title}}", 1, "'{{' in a comment"),
    ("x = { {spec.title | literal} }", 1, "without a space or line break between the braces"),
    ("x = {\n    {\n        spec.title | literal\n    }\n}", 1, "without a space or line break"),
    ("x = -{{spec.title | literal}}", 1, "as an operand or a statement"),
    ("x = {{spec.title | literal}} + 1", 1, "as an operand or a statement"),
    ("x = {{spec.title | literal}}.upper()", 1, "as an operand or a statement"),
    ("x = {{spec.title | literal}}[0]", 1, "as an operand or a statement"),
    ("{{spec.title | literal}}", 1, "as an operand or a statement"),
    ("x = {{spec.title | upper}}", 1, "there is 'literal' only"),
    ("x = {{spec.title | literal | upper}}", 1, "there is 'literal' only"),
    ("# % for x in spec.heads | sort\ny = 1\n# % endfor", 1, "there is 'literal' only"),
    ("x = 1\ny = {{spek.title | literal}}", 2, "variable 'spek' is not known; did you mean 'spec'?"),
    ("x = {{range | literal}}", 1, "variable 'range' is not known"),
    ("x = {{spec.title.format(spec) | literal}}", 1, "'call' is not in the dialect"),
    ("x = {{spec.title ~ spec.title | literal}}", 1, "is not valid Python as it stands"),
    ('# % include "x"', 1, "'include' is not in the dialect"),
    ('# % import "os" as os', 1, "'import' is not in the dialect"),
    ("# % macro f()\nx = 1\n# % endmacro", 1, "'macro' is not in the dialect"),
    ("# % if spec.title\nx = 1", 2, "Jinja cannot read it: Unexpected end of template"),
    ("# % endif", 1, "Jinja cannot read it"),
    ("#% if spec.title", 1, "is almost a statement"),
    ("x = 1  # % if spec.title", 1, "stands on a line of its own"),
    ('x = """\n# % if spec.title\n"""', 2, "in a string would be taken for a statement"),
    ("x = 1\n{% raw %}", 2, "'{%' is not in the dialect"),
    ("x = {#a\n1}", 1, "'{#' is not in the dialect"),
    ('"""About $titel."""', 1, "placeholder '$titel' is not known; did you mean '$title'"),
    ('"""About $model."""', 1, "placeholder '$model' is not known"),
    ("x = 1  # costs 5 $", 1, "write '$$' for a dollar sign"),
    ("'About $title.'", 1, 'is written in plain """'),
    ('r"""About $title."""', 1, 'is written in plain """'),
    ('"""About\\n$title."""', 1, "without a backslash"),
    ("x = '\\d'", 1, "is not valid Python as it stands: invalid escape sequence"),
    ('"""\n$left_out $variants"""', 1, "two lists on one line"),
]


@pytest.mark.parametrize(("text", "line", "fact"), WRONG)
def test_what_is_not_well_formed_is_refused_with_its_line(text: str, line: int, fact: str) -> None:
    with pytest.raises(TemplateError) as raised:
        check(Template("families/embedding", text + "\n", "templates/families/embedding.py.jinja"))
    lines = str(raised.value).splitlines()
    place = f"templates/families/embedding.py.jinja:{line}: "
    assert any(each.startswith(place) and fact in each for each in lines), lines


@pytest.mark.parametrize("template", list(TEMPLATES), ids=lambda template: template.name)
def test_what_is_well_formed_passes(template: Template) -> None:
    check(template)


@pytest.mark.parametrize(
    "text",
    [
        "x = [{{spec.title | literal}} for each in y]\nz = 'é', {{spec.title | literal}}\n",
        "x = y[{{spec.title | literal}}]\n",
        "# % set title = spec.title\nx = {{title | literal}}\n",
        'x = {{"a" if spec.title else "b" | literal}}\n',
        'x = "costs $5, {braces}, }} and %}"\n',
        "x = {{ spec.title | literal }}\n",
        'x = {"a": {"b": 1}}\n',
    ],
)
def test_a_value_may_stand_where_an_expression_stands_alone(text: str) -> None:
    check(Template("families/embedding", text))


@pytest.mark.parametrize("name", ["hardwear/cpu", "cpu", "tasks/a/b", "tasks/a-b", "tasks/", "../cpu", "a/b"])
def test_a_template_that_lies_where_none_belongs_is_refused(name: str) -> None:
    with pytest.raises(TemplateError):
        Template(name, "")


def rendered(text: str, **spec: object) -> str:
    return render(Template("families/embedding", text), {"spec": spec, "plan": {}})


def test_statements_leave_no_trace_and_values_are_literals() -> None:
    text = (
        "x = {\n    # % for each in spec.names\n    {{each | literal}}: {{spec.name}},\n    # % endfor\n}\n"
    )
    assert rendered(text, names=["a", 1], name=Identifier("f")) == "x = {\n    'a': f,\n    1: f,\n}\n"


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("y = 1\nx = {{spec.name}}\n", "is neither a literal nor a checked name"),
        ("y = 1\nx = {{spec.missing | literal}}\n", "has no attribute 'missing'"),
        ("y = 1\nx = {{spec.thing | literal}}\n", "has no literal"),
        ("y = 1\n# % for each in spec.thing\nx = 1\n# % endfor\n", "not iterable"),
    ],
)
def test_a_value_that_is_not_there_or_has_no_literal_is_an_error_with_its_line(text: str, fact: str) -> None:
    with pytest.raises(TemplateError, match=fact) as raised:
        rendered(text, name="x; import os", thing=object())
    assert ":2: " in str(raised.value)


@pytest.mark.parametrize("attribute", ["__class__", "_hidden", "title.__class__"])
def test_what_begins_with_an_underscore_is_out_of_reach(attribute: str) -> None:
    with pytest.raises(TemplateError):
        rendered(f"x = {{{{spec.{attribute} | literal}}}}\n", title="BERT")
