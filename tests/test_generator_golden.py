"""The shipped templates and specs lead to the shipped modules, byte for byte, and stay in their shape."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import black
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from module_shape import hostile, shape
from small_templates import left_out

import ipfs_accelerate_skills
from ipfs_accelerate_generator.generate import generate
from ipfs_accelerate_generator.given import unmade
from ipfs_accelerate_generator.make import make, planned
from ipfs_accelerate_generator.plan import plan
from ipfs_accelerate_generator.render import check
from ipfs_accelerate_generator.templates.sources import Template, Templates
from ipfs_accelerate_generator.values import SpecError
from ipfs_accelerate_generator.workspace import Workspace, shipped

SHIPPED = Workspace.at(shipped())
TEMPLATES = Templates.of(SHIPPED.templates())
ONE_PER_FAMILY = ("bert", "vit", "wav2vec2", "clip", "llava")
MODE = black.Mode(line_length=110, target_versions={black.TargetVersion.PY311})


@pytest.mark.parametrize("template", list(TEMPLATES), ids=lambda template: template.name)
def test_every_shipped_template_is_well_formed(template: Template) -> None:
    check(template)


@pytest.mark.parametrize("stem", ONE_PER_FAMILY)
def test_the_shipped_module_is_what_is_generated(stem: str) -> None:
    made = make(SHIPPED.spec_files(stem), TEMPLATES)
    assert made.error == ""
    module = Path(str(ipfs_accelerate_skills.__file__)).parent / f"hf_{stem}.py"
    assert made.modules[0].text == module.read_text()


@pytest.mark.parametrize("stem", ONE_PER_FAMILY)
def test_composing_definition_by_definition_gives_what_black_would(stem: str) -> None:
    for module in make(SHIPPED.spec_files(stem), TEMPLATES).modules:
        assert black.format_str(module.text, mode=MODE) == module.text


@pytest.mark.parametrize("stem", ONE_PER_FAMILY)
def test_two_types_of_a_family_differ_in_their_names_only(stem: str) -> None:
    made = planned(SHIPPED.spec_files(stem), TEMPLATES)
    heads = tuple(replace(head, model=f"Other{head.model}") for head in made.spec.heads)
    other = replace(made.spec, model_type="other", title="Other", config="OtherConfig", heads=heads)
    assert shape(generate(made, TEMPLATES)) == shape(generate(plan(other, (), TEMPLATES), TEMPLATES))


@pytest.mark.parametrize("stem", ONE_PER_FAMILY)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_value_can_change_the_shape_of_a_shipped_module(stem: str, data: st.DataObject) -> None:
    spec = planned(SHIPPED.spec_files(stem), TEMPLATES).spec
    task = spec.heads[0].task
    field = data.draw(st.sampled_from(["title", "model_type", "config", "model", "output", "reason", "tiny"]))
    text = data.draw(hostile)
    reason = "seen"
    try:
        if field in {"model", "output"}:
            spec = replace(spec, heads=(replace(spec.heads[0], **{field: text}), *spec.heads[1:]))
        elif field == "tiny":
            key = next(name for name, value in spec.tiny.items() if isinstance(value, int))
            spec = replace(spec, tiny={**spec.tiny, key: text})
        elif field != "reason":
            spec = replace(spec, **{field: text})
        else:
            reason = text
        finding = replace(left_out(reason), task=task)
    except SpecError:
        return
    if field == "output" and unmade(spec, spec.heads[0]):
        return  # no template reads it, and so the task is not offered
    usual = planned(SHIPPED.spec_files(stem), TEMPLATES).spec
    benign = generate(plan(usual, [replace(left_out("seen"), task=task)], TEMPLATES), TEMPLATES)
    made = generate(plan(spec, [finding], TEMPLATES), TEMPLATES)
    assert shape(made) == shape(benign)
    assert all(ast.parse(module.text) for module in made)
