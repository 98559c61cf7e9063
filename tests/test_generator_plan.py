"""A plan says what a module holds: the tasks and backends with templates, less what the findings leave out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_templates import SPEC, TEMPLATES

from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_generator.plan import NoTemplate, plan
from ipfs_accelerate_generator.prose import LISTS, PLACEHOLDERS
from ipfs_accelerate_generator.templates.sources import HARDWARE, SPINE, TASK, Template, Templates
from ipfs_accelerate_py.hardware.backend import Backend


def finding(
    effect: Effect, task: str = "fill-mask", backend: Backend = Backend.OPENVINO, **more: object
) -> Finding:
    facts = {"reason": "it was seen", "evidence": "0" * 12, "slice": "1" * 12, "seen": ("here",), **more}
    return Finding(task=task, backend=backend, effect=effect, **facts)  # type: ignore[arg-type]


def with_templates(*names: str) -> Templates:
    return Templates.of([*TEMPLATES, *(Template(name, "") for name in names)])


def test_every_task_and_backend_with_a_template_is_offered_and_the_rest_is_told() -> None:
    made = plan(SPEC, (), TEMPLATES)
    assert [head.task for head in made.heads] == ["fill-mask", "feature-extraction"]
    assert made.untemplated == ("next-sentence-prediction",)
    assert [each.name for each in made.backends] == ["cpu", "openvino"]
    assert made.engines == ("hardware/torch", "hardware/cpu", "hardware/openvino")
    assert made.default_task == "fill-mask"


def test_what_is_left_out_keeps_its_reason_and_its_place_among_the_others() -> None:
    made = plan(SPEC, [finding(Effect.LEAVE_OUT)], TEMPLATES)
    assert made.heads[0].backends == ("cpu",)
    assert made.heads[1].backends == ("cpu", "openvino")
    assert made.prose["left_out"] == ("fill-mask on openvino: it was seen",)


def test_a_backend_that_no_task_is_left_on_is_gone() -> None:
    out = [finding(Effect.LEAVE_OUT, task) for task in ("fill-mask", "feature-extraction")]
    made = plan(SPEC, out, TEMPLATES)
    assert [each.name for each in made.backends] == ["cpu"]
    assert "hardware/openvino" not in made.engines
    assert len(made.left_out) == 2


def test_what_a_backend_shares_with_another_is_there_without_the_other() -> None:
    templates = with_templates("hardware/onnxruntime", "hardware/qualcomm")
    out = [finding(Effect.LEAVE_OUT, head.task, Backend.ONNXRUNTIME) for head in SPEC.heads]
    made = plan(SPEC, out, templates)
    assert [each.name for each in made.backends] == ["cpu", "openvino", "qualcomm"]
    assert made.engines[-2:] == ("hardware/onnxruntime", "hardware/qualcomm")
    assert [each.name for each in made.exported] == [
        "openvino",
        "onnxruntime",
    ], "the bundle that qualcomm runs from"


def test_a_plan_can_be_limited_to_some_backends() -> None:
    made = plan(SPEC, [finding(Effect.LEAVE_OUT)], TEMPLATES, backends=(Backend.CPU, Backend.MPS))
    assert [each.name for each in made.backends] == ["cpu"]
    assert made.left_out == (), "what is said of other backends is no matter"


def test_a_module_that_generates_takes_the_templates_for_it() -> None:
    templates = with_templates("tasks/text_generation", "hardware/openvino_generation")
    head = replace(SPEC.heads[0], task="text-generation")
    assert "hardware/openvino_generation" not in plan(SPEC, (), templates).engines
    assert plan(replace(SPEC, heads=(head,)), (), templates).engines[-1] == "hardware/openvino_generation"


def test_a_route_is_the_usual_one_until_a_finding_chooses_another() -> None:
    assert plan(SPEC, (), TEMPLATES).openvino_route == "convert_model"
    chosen = plan(SPEC, [finding(Effect.VARIANT, variant={"route": "onnx"})], TEMPLATES)
    assert (chosen.openvino_route, chosen.onnx_route) == ("onnx", "torchscript")
    assert chosen.prose["variants"] == ("fill-mask on openvino: route onnx (it was seen)",)


@pytest.mark.parametrize(
    "other",
    [
        finding(Effect.LEAVE_OUT, precision="int8"),
        finding(Effect.LEAVE_OUT, "next-sentence-prediction"),
        finding(Effect.LEAVE_OUT, "no-such-task"),
        finding(Effect.LEAVE_OUT, backend=Backend.WEBGPU),
    ],
)
def test_a_finding_about_something_that_is_not_generated_changes_nothing(other: Finding) -> None:
    assert plan(SPEC, [other], TEMPLATES) == plan(SPEC, (), TEMPLATES)


def test_a_family_or_tasks_without_templates_is_said_by_name() -> None:
    with pytest.raises(NoTemplate, match="no template for the family 'vision'"):
        plan(replace(SPEC, family="vision"), (), TEMPLATES)
    with pytest.raises(NoTemplate, match=r"any of its tasks yet: next-sentence-prediction"):
        plan(replace(SPEC, heads=SPEC.heads[2:]), (), TEMPLATES)


found = st.builds(
    lambda effect, task, backend: finding(
        effect, task, backend, variant={"route": "other"} if effect is Effect.VARIANT else {}
    ),
    st.sampled_from(Effect),
    st.sampled_from(SPEC.tasks),
    st.sampled_from(Backend),
)


@settings(deadline=None)
@given(st.lists(found, max_size=12))
def test_every_plan_says_what_templates_may_ask_for(findings: list[Finding]) -> None:
    made = plan(SPEC, findings, TEMPLATES)
    assert set(made.prose) == PLACEHOLDERS[SPINE]
    assert set(made.prose_of(made.heads[0])) == PLACEHOLDERS[TASK]
    assert set(made.prose_of("cpu")) == PLACEHOLDERS[HARDWARE]
    assert {name for name, value in made.prose.items() if isinstance(value, tuple)} == set(LISTS)
    offered = {(head.task, backend) for head in made.heads for backend in head.backends}
    left_out = {(pair.task, pair.backend) for pair in made.left_out}
    assert not offered & left_out
    assert {backend for _, backend in offered} == {each.name for each in made.backends}
    assert len(offered) + len(left_out) == 4  # two tasks, two backends: nothing vanishes without a reason


def test_where_tables_differ_or_a_sound_is_given_the_template_of_that_kind_goes_first() -> None:
    names = ("tasks/fill_mask_ctc", "tasks/feature_extraction_audio")
    spoken = replace(SPEC.heads[0], table="MODEL_FOR_CTC_MAPPING_NAMES")
    heard = replace(SPEC.heads[1], inputs=("input_values",))
    parts = replace(SPEC.processors, feature_extractor="Wav2Vec2FeatureExtractor")
    spec = replace(SPEC, heads=(spoken, heard), processors=parts)
    assert [head.template for head in plan(spec, (), with_templates(*names)).heads] == list(names)
    assert [head.template for head in plan(SPEC, (), with_templates(*names)).heads] == [
        "tasks/fill_mask",
        "tasks/feature_extraction",
    ]


def test_a_sound_whose_features_nobody_wrote_and_a_decoder_alone_are_told_and_not_offered() -> None:
    heard = replace(SPEC.heads[1], inputs=("input_values",))
    parts = replace(SPEC.processors, feature_extractor="NobodysFeatureExtractor")
    made = plan(replace(SPEC, heads=(SPEC.heads[0], heard), processors=parts), (), TEMPLATES)
    assert made.untemplated == ("feature-extraction",)
    parts = replace(parts, feature_extractor="Wav2Vec2FeatureExtractor")
    listening = replace(SPEC, heads=(SPEC.heads[0], heard), processors=parts, modalities=("audio",))
    assert plan(listening, (), TEMPLATES).untemplated == ("fill-mask",)
