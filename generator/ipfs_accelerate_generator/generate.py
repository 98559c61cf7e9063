"""From a plan and templates to the text of a module and its test: no clock, disk, network or hash order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from ipfs_accelerate_generator.compose import Part, compose
from ipfs_accelerate_generator.fragment import Definition, Fragment, fragment
from ipfs_accelerate_generator.module import Module, module, skill_path, test_path
from ipfs_accelerate_generator.plan import Plan
from ipfs_accelerate_generator.planned import PlannedHead
from ipfs_accelerate_generator.render import render
from ipfs_accelerate_generator.templates.sources import ComposeError, Templates, digest

TASKS_BEFORE: Final = "HEADS"
BACKENDS_BEFORE: Final = "SKILL"


def generate(
    plan: Plan, templates: Templates, *, holds: Callable[[Definition], bool] | None = None
) -> tuple[Module, ...]:
    """Return the module that `plan` describes and, where the family has a template for it, its test.

    The same text for the same arguments, always. Of the test only those definitions are there that it `holds`.

    Raises:
        ComposeError: the templates do not fit together.
        TemplateError: a template names something that is not there.
    """
    made = [_module(plan, templates, "", skill_path(plan.spec.stem))]
    if f"tests/{plan.spine}" in templates:
        made.append(_module(plan, templates, "tests/", test_path(plan.spec.stem), holds))
    return tuple(made)


def names_used(plan: Plan, templates: Templates) -> tuple[tuple[str, ...], ...]:
    """Return, for each module that `generate` makes, the names of its templates in their order."""
    names = [_names(plan, templates, "")]
    if f"tests/{plan.spine}" in templates:
        names.append(_names(plan, templates, "tests/"))
    return tuple(names)


def inputs_digest(plan: Plan, templates: Templates, names: Sequence[str]) -> str:
    """Return the digest of what a module is made from: the files of the spec and the templates `names`."""
    used = (f"{name} {templates[name].digest}".encode() for name in names)
    return digest(plan.sources.encode(), *used)


def _names(plan: Plan, templates: Templates, folder: str) -> tuple[str, ...]:
    spine = f"{folder}{plan.spine}" if folder else f"families/{plan.spine}"
    tasks = [folder + head.template for head in plan.heads]
    backends = [folder + name for name in plan.engines]
    return (spine, *(name for name in [*tasks, *backends] if not folder or name in templates))


def _module(
    plan: Plan,
    templates: Templates,
    folder: str,
    path: str,
    holds: Callable[[Definition], bool] | None = None,
) -> Module:
    """Return the file at `path`, from the templates in `folder`: "" for a skill, "tests/" for its test."""
    names = _names(plan, templates, folder)
    tasks_before, backends_before = ("", "") if folder else (TASKS_BEFORE, BACKENDS_BEFORE)
    spine = _rendered(plan, templates, names[0], None)
    parts = [
        *(Part(each, tasks_before) for each in _tasks(plan, templates, folder, names)),
        *(Part(each, backends_before) for each in _backends(plan, templates, folder, names)),
    ]
    if holds is not None:
        spine = _only(spine, holds)
        parts = [Part(_only(each.fragment, holds), each.before) for each in parts]
    try:
        body = compose(spine, parts)
    except ComposeError as error:
        raise ComposeError(f"{path}: {error}") from error
    inputs = inputs_digest(plan, templates, names)
    return module(path, body, model_type=plan.spec.model_type, inputs=inputs)


def _only(some: Fragment, holds: Callable[[Definition], bool]) -> Fragment:
    return replace(some, definitions=tuple(each for each in some.definitions if holds(each)))


def _tasks(plan: Plan, templates: Templates, folder: str, names: Sequence[str]) -> Iterator[Fragment]:
    for head in plan.heads:
        if folder + head.template in names:
            yield _rendered(plan, templates, folder + head.template, head)


def _backends(plan: Plan, templates: Templates, folder: str, names: Sequence[str]) -> Iterator[Fragment]:
    for name in plan.engines:
        if folder + name in names:
            yield _rendered(plan, templates, folder + name, name.removeprefix("hardware/"))


def _rendered(plan: Plan, templates: Templates, name: str, place: PlannedHead | str | None) -> Fragment:
    """Return the fragment of the template `name` for a head, for a backend or, as the spine, for neither."""
    values: dict[str, object] = {"spec": plan.spec, "plan": plan}
    head = place if isinstance(place, PlannedHead) else None
    prose = plan.prose
    if head is not None:
        values["head"] = head
        prose = plan.prose_of(head)
    elif isinstance(place, str):
        backend = next((each for each in plan.backends if each.name == place), None)
        if backend is not None:
            values["backend"] = backend
        prose = plan.prose_of(place if backend is not None else "")
    text = render(templates[name], values)
    return fragment(templates[name], text, plan.stand_ins(head), prose)
