"""From a template to Python text: Jinja in a sandbox, with one filter, no globals and nothing undefined.

The dialect in one example (`templates/tasks/fill_mask.py.jinja`; the rules are in `dialect` and `prose`):

    def fill_mask_steps(checkpoint: Checkpoint) -> Steps:
        \"\"\"Return what $model needs before and after its forward pass.\"\"\"
        # % if "token_type_ids" in head.inputs
        segments = True
        # % endif
        return text_steps(checkpoint, inputs={{head.inputs | literal}})

A value is pasted as a literal, through the filter, or as a name that the plan has validated. Names of classes
are not pasted at all: a template writes the stand-in `AutoModelForMaskedLM`, and `rename` puts the real class
in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from jinja2 import StrictUndefined, is_undefined
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ipfs_accelerate_generator import dialect
from ipfs_accelerate_generator.literals import Code, literal
from ipfs_accelerate_generator.templates.sources import Template, TemplateError

_SHOWN = 5  # problems of one template in one message


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Return the environment in which a template is also a Python file."""
    made = ImmutableSandboxedEnvironment(
        line_statement_prefix=dialect.STATEMENT,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
        finalize=_only_code,
    )
    made.globals.clear()
    made.filters.clear()
    made.filters["literal"] = _literal
    return made


def _literal(value: object) -> Code:
    if is_undefined(value):
        str(value)  # Jinja's own message says which name is missing
    return literal(value)


def _only_code(value: object) -> str:
    if not isinstance(value, Code):
        raise ValueError(f"{value!r} is neither a literal nor a checked name; write {{{{... | literal}}}}")
    return value


def check(template: Template) -> None:
    """Refuse `template` unless it is well formed.

    Raises:
        TemplateError: it is not; file, line, fact and fix.
    """
    found = list(dict.fromkeys(dialect.problems(template, environment())))
    if found:
        raise TemplateError("\n".join(str(template.error(line, fact)) for line, fact in found[:_SHOWN]))


@lru_cache(maxsize=1024)
def _compiled(name: str, where: str, text: str) -> Any:  # jinja2.Template, loaded without a loader
    made = environment()
    return made.template_class.from_code(made, made.compile(text, name, where), made.make_globals(None))


def render(template: Template, values: Mapping[str, object]) -> str:
    """Return the text of `template` with `values`: the same for the same arguments, always.

    Raises:
        TemplateError: the template names a value that does not exist, or one that has no literal.
    """
    try:
        text: str = _compiled(template.name, template.where, template.text).render(values)
    except (JinjaError, ValueError, TypeError, KeyError, IndexError) as error:
        raise template.error(_line(error, template), str(error) or type(error).__name__) from error
    return text


def _line(error: BaseException, template: Template) -> int:
    """Return the line of `template` on which `error` was raised; Jinja keeps it in the traceback."""
    line = getattr(error, "lineno", None) or 1
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == template.where:
            line = step.tb_lineno
        step = step.tb_next
    return int(line)
