"""The survey of real types and of types registered from outside, through the process that users run."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ipfs_accelerate_generator.specfile import read_spec
from ipfs_accelerate_generator.survey import unsurveyed
from ipfs_accelerate_generator.survey.outcome import Outcome, survey_into
from ipfs_accelerate_generator.survey.report import Report, Request
from ipfs_accelerate_generator.survey.subject import SurveyError
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.cli.app import main

ROOT = Path(__file__).parent.parent

TYPES = ("bert", "vit", "timesformer", "pocket", "alone", "prints", "raises", "crashes", "bodiless", "bertt")


@dataclass(frozen=True)
class Made:
    """One run of the survey over all types of these tests."""

    workspace: Workspace
    outcomes: dict[str, Outcome]
    steps: tuple[str, ...]


def run(workspace: Workspace, request: Request) -> tuple[dict[str, Outcome], tuple[str, ...]]:
    steps: list[str] = []

    def counted(total: int) -> Callable[[str], None]:
        assert total == len(request.model_types)
        return steps.append

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)  # where pocket_types is
        outcomes = survey_into(workspace, request, counted)
    return {outcome.report.model_type: outcome for outcome in outcomes}, tuple(steps)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    workspace = Workspace.at(tmp_path_factory.mktemp("survey"))
    outcomes, steps = run(workspace, Request(list(TYPES), imports=["pocket_types"], jobs=2))
    return Made(workspace, outcomes, steps)


def text(made: Made, model_type: str) -> str:
    return made.workspace.spec_file("surveyed", model_type).read_text()


@pytest.mark.parametrize("model_type", ["bert", "vit"])
def test_the_committed_specs_are_what_the_survey_says(made: Made, model_type: str) -> None:
    committed = ROOT / "model_specs" / "surveyed" / f"{model_type}.toml"
    assert text(made, model_type) == committed.read_text()


def test_every_head_of_bert_and_vit_is_found(made: Made) -> None:
    assert made.outcomes["bert"].report.tasks == [
        "feature-extraction",
        "fill-mask",
        "text-generation",
        "text-classification",
        "zero-shot-classification",
        "token-classification",
        "question-answering",
        "multiple-choice",
        "next-sentence-prediction",
    ]
    assert made.outcomes["vit"].report.tasks == [
        "image-feature-extraction",
        "image-classification",
        "masked-image-modeling",
    ]
    for model_type in ("bert", "vit"):
        assert made.outcomes[model_type].report.left_out == []


def test_pixels_of_a_type_that_classifies_videos_are_frames(made: Made) -> None:
    spec = read_spec(made.workspace.spec_file("surveyed", "timesformer"))
    assert (spec.family, spec.subfamily, spec.modalities) == ("vision", "video-encoder", ("video",))
    assert spec.tasks == ("video-feature-extraction", "video-classification")


def test_a_generating_encoder_is_made_causal_because_it_would_look_ahead(made: Made) -> None:
    spec = read_spec(made.workspace.spec_file("surveyed", "bert"))
    assert {head.task: dict(head.config) for head in spec.heads if head.config} == {
        "text-generation": {"is_decoder": True}
    }


def test_the_tiny_models_depend_on_what_goes_in(made: Made) -> None:
    for model_type in ("bert", "vit", "pocket"):
        control = made.outcomes[model_type].report.control
        assert control is not None
        assert control >= 0.1


def test_a_type_from_outside_is_imported_from_where_it_is_defined(made: Made) -> None:
    spec = read_spec(made.workspace.spec_file("surveyed", "pocket"))
    assert (spec.config, spec.module, spec.imports) == ("PocketConfig", "pocket_types", ("pocket_types",))
    assert {spec.module_of(head) for head in spec.heads} == {"pocket_types"}
    assert {head.task: head.model for head in spec.heads} == {
        "feature-extraction": "PocketModel",
        "text-classification": "PocketForSequenceClassification",
        "zero-shot-classification": "PocketForSequenceClassification",
    }
    assert spec.head("text-classification").labels == ("negative", "neutral", "positive")
    assert spec.head("feature-extraction").inputs == ("input_ids", "attention_mask")
    assert (spec.limits.tokens, spec.vocabulary) == ("max_position_embeddings", "vocab_size")
    assert "vocab_size" not in spec.tiny


def test_a_class_that_takes_one_sample_alone_is_given_whole_calls(made: Made) -> None:
    spec = read_spec(made.workspace.spec_file("surveyed", "alone"))
    head = spec.head("feature-extraction")
    assert head.whole
    assert {each.name: (each.shape[0], 0 in each.vary) for each in head.tensors} == {
        "input_ids": (1, False),
        "attention_mask": (1, False),
    }
    assert made.outcomes["alone"].report.left_out == []


def test_only_a_type_from_outside_records_what_to_import(made: Made) -> None:
    assert read_spec(made.workspace.spec_file("surveyed", "bert")).imports == ()


def test_what_a_model_prints_is_no_answer(made: Made) -> None:
    assert made.outcomes["prints"].failure == ""


def test_each_failure_has_its_reason_and_the_others_go_on(made: Made) -> None:
    failures = {name: outcome.failure for name, outcome in made.outcomes.items() if outcome.failure}
    assert set(failures) == {"raises", "crashes", "bodiless", "bertt"}
    assert "none of its 1 heads could be run" in failures["raises"]
    assert "RuntimeError: the left wheel is missing" in failures["raises"]
    assert "more lines" not in failures["raises"]
    assert failures["crashes"] == "crashes: its process ended without an answer, killed by SIGABRT"
    assert failures["bodiless"] == "bodiless: transformers has no model class for it"
    assert "model type 'bertt' is not known; did you mean 'bert'" in failures["bertt"]
    for name in failures:
        assert not made.workspace.spec_file("surveyed", name).exists()
    assert sorted(made.steps) == sorted(TYPES)


def test_types_that_could_not_be_surveyed_are_noted_until_they_can(made: Made, tmp_path: Path) -> None:
    noted = tomllib.loads((made.workspace.root / "model_specs" / "unsurveyed.toml").read_text())
    assert set(noted) == {"raises", "crashes"}  # one has no model, and one is no type
    assert noted["crashes"] == {
        "reason": "its process ended without an answer, killed by SIGABRT",
        "tasks": ["feature-extraction"],
    }
    workspace = Workspace.at(tmp_path)
    assert unsurveyed.note(workspace, Report("later", tasks=["fill-mask"], failure="later: broken\nin two"))
    assert not unsurveyed.note(workspace, Report("other", text="whatever"))
    assert unsurveyed.note(workspace, Report("later", text="whatever"))
    assert "later" not in (tmp_path / "model_specs" / "unsurveyed.toml").read_text()


def test_a_type_that_was_surveyed_beside_a_library_stays_so_without_it(tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path)
    lacking = (
        "fast_vlm: none of its heads could be run: needs timm: TimmWrapperModel cannot be made without it"
    )
    spec = workspace.spec_file("surveyed", "fast_vlm")
    spec.parent.mkdir(parents=True)
    spec.touch()
    assert not unsurveyed.note(workspace, Report("fast_vlm", tasks=["any-to-any"], failure=lacking))
    assert unsurveyed.note(
        workspace, Report("fast_vlm", tasks=["any-to-any"], failure="fast_vlm: broken")
    ), "is news"
    spec.unlink()
    unsurveyed.note(workspace, Report("fast_vlm", tasks=["any-to-any"], failure=lacking))
    assert "needs timm" in (tmp_path / "model_specs" / "unsurveyed.toml").read_text()


def test_a_second_survey_changes_nothing(made: Made) -> None:
    before = {name: text(made, name) for name in ("bert", "vit", "pocket")}
    outcomes, _ = run(made.workspace, Request(list(before), imports=["pocket_types"]))
    assert {name: text(made, name) for name in before} == before
    assert not any(outcome.written for outcome in outcomes.values())


def test_without_again_a_type_is_taken_as_it_was_surveyed(tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path)
    surveyed: list[int] = []

    def counted(total: int) -> Callable[[str], None]:
        surveyed.append(total)
        return lambda _: None

    request = Request(["resnet", "no-such-type"])
    first = survey_into(workspace, request, counted)
    workspace.spec_file("surveyed", "resnet").unlink()
    again = survey_into(workspace, request, counted, again=False)
    assert surveyed == [2, 1], "what failed is surveyed again"
    assert [each.report.text for each in again] == [each.report.text for each in first]
    assert workspace.spec_file("surveyed", "resnet").read_text() == again[1].report.text


def test_the_numbers_of_an_override_make_the_small_model_that_is_surveyed(tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path)
    override = workspace.spec_file("overrides", "pocket")
    override.parent.mkdir(parents=True)
    override.write_text('reason = "more layers"\n\n[tiny]\nnum_hidden_layers = 3\n')
    run(workspace, Request(["pocket"], imports=["pocket_types"]))
    assert read_spec(workspace.spec_file("surveyed", "pocket")).tiny["num_hidden_layers"] == 3


def test_a_hang_ends_at_its_limit(tmp_path: Path) -> None:
    outcomes, _ = run(Workspace.at(tmp_path), Request(["hangs"], imports=["pocket_types"], limit_s=2))
    assert outcomes["hangs"].failure == "hangs: took longer than 2 s; allow more with --limit"


def test_a_file_about_another_type_is_not_overwritten(made: Made, tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path)
    taken = workspace.spec_file("surveyed", "vit")
    taken.parent.mkdir(parents=True)
    taken.write_text(text(made, "vit").replace('"vit"', '"Vit"'))
    outcomes, _ = run(workspace, Request(["vit"]))
    assert "model_specs/surveyed/vit.toml is about 'Vit'" in outcomes["vit"].failure
    assert '"Vit"' in taken.read_text()


def test_a_module_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="--import nowhere: No module named 'nowhere'"):
        run(Workspace.at(tmp_path), Request(["bert"], imports=["nowhere"]))


def test_a_process_that_ends_before_its_work_says_so(tmp_path: Path) -> None:
    (tmp_path / "ends_all.py").write_text("import os\nos._exit(3)\n")
    with pytest.raises(SurveyError, match="the surveying process ended early"):
        run(Workspace.at(tmp_path), Request(["bert"], imports=["ends_all"]))


def test_the_command_prints_what_was_found_and_ends_with_one_for_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["survey", "vit", "vitt", "--json", "--root", str(tmp_path)]) == 1
    found, failed = json.loads(capsys.readouterr().out)
    assert (found["model_type"], found["file"]) == ("vit", "model_specs/surveyed/vit.toml")
    assert (found["written"], found["failure"], found["left_out"]) == (True, "", [])
    assert (failed["file"], failed["written"]) == (None, False)
    assert "did you mean 'vit'" in failed["failure"]


@pytest.mark.parametrize("arguments", [["survey"], ["survey", "bert", "--all"]])
def test_the_command_wants_types_or_all(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "or give --all" in capsys.readouterr().err
