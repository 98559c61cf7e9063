"""What a type takes, and that only tasks that are asked about all of it prove it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ipfs_accelerate_generator import catalogue
from ipfs_accelerate_generator.modalities import asked, modalities
from ipfs_accelerate_generator.plan import plan
from ipfs_accelerate_generator.spec import Head
from ipfs_accelerate_generator.specfile import read_spec
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.evidence.cells import Cell
from ipfs_accelerate_py.registry.coverage.rows import Row
from ipfs_accelerate_py.registry.coverage.totals import totals
from ipfs_accelerate_py.registry.verdicts import Outlook, Verdict

CARRIED = {
    "clip": {
        "feature-extraction": frozenset({"text"}),
        "image-feature-extraction": frozenset({"image"}),
        "zero-shot-image-classification": frozenset({"text", "image"}),
    }
}


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("image-text-to-text", ("image",)),
        ("text-to-audio", ()),
        ("automatic-speech-recognition", ("audio",)),
        ("any-to-any", ()),
        ("video-classification", ("video",)),
        ("fill-mask", ()),
    ],
)
def test_a_task_says_what_it_is_given_before_what_it_gives(task: str, words: tuple[str, ...]) -> None:
    assert asked(task) == words


def test_pixels_of_a_video_task_are_a_video() -> None:
    def head(task: str) -> Head:
        return Head(task=task, table="", model="Model", inputs=("pixel_values",), output="logits")

    assert modalities([head("video-classification")]) == ("video",)
    assert modalities([head("image-classification"), head("video-classification")]) == ("image", "video")


def test_a_picture_beside_a_text_is_an_image_by_its_own_name_too() -> None:
    head = Head(task="feature-extraction", table="", model="Model", inputs=("input_ids", "image"), output="x")
    assert modalities([head]) == ("text", "image")


@pytest.mark.parametrize(
    ("model_type", "task", "carried"),
    [
        (
            "llava",
            "feature-extraction",
            ["text"],
        ),  # its class takes pictures, which the handler has no place for
        ("llava", "image-text-to-text", ["text", "image"]),
        ("molmo2", "feature-extraction", ["text", "image"]),  # arrays by name
        ("clip", "image-feature-extraction", ["image"]),
    ],
)
def test_a_task_that_is_given_words_alone_proves_nothing_about_pictures(
    model_type: str, task: str, carried: list[str]
) -> None:
    workspace = Workspace.at(Path(__file__).resolve().parents[1])
    files = workspace.spec_files(model_type)
    assert files.surveyed is not None
    spec = read_spec(files.surveyed, files.override)
    made = plan(spec, (), Templates.of(workspace.templates()), sources=files.digest)
    assert catalogue.entry(made)["carries"][task] == carried


def _works(task: str) -> Verdict:
    return Verdict(
        cell=Cell("clip", task, "cpu"),
        slice="0" * 12,
        environment="0" * 12,
        outlook=Outlook.WORKS,
        reason="agrees",
        portable=False,
        difference=1e-6,
        tolerance=1e-3,
        control=0.5,
        route=None,
        simulated=False,
        tests=3,
        seconds=None,
        peak_mb=None,
        evidence="0" * 12,
        run="one",
        seen=datetime(2026, 1, 2, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("proved", "count"),
    [
        (("feature-extraction",), 0),
        (("feature-extraction", "image-feature-extraction"), 1),
        (("zero-shot-image-classification",), 1),
        ((), 0),
    ],
)
def test_a_type_is_proved_on_the_cpu_with_all_that_it_takes(proved: tuple[str, ...], count: int) -> None:
    found = [
        Row(cell=Cell("clip", task, "cpu"), verdict=_works(task) if task in proved else None)
        for task in CARRIED["clip"]
    ]
    assert totals(found, carried=CARRIED).cpu == count
    assert totals(found).cpu == bool(proved)


def test_what_no_task_is_asked_about_keeps_a_type_from_being_proved() -> None:
    found = [Row(cell=Cell("clip", "feature-extraction", "cpu"), verdict=_works("feature-extraction"))]
    words = {"feature-extraction": frozenset({"text"})}
    assert totals(found, carried={"clip": words}).cpu == 1
    assert totals(found, carried={"clip": {**words, "*": frozenset({"image"})}}).cpu == 0


def test_the_catalogue_says_of_what_no_processor_is_proved() -> None:
    root = Path(__file__).parents[1]
    found = catalogue.read(root / catalogue.PATH)
    assert found["xcodec2"]["arrays"]["audio-tokenization"].endswith("is not proved here")
    assert found["cohere2_vision"]["arrays"].keys() == {
        "image-text-to-text",
        "any-to-any",
    }, "but not for texts alone"
    assert "arrays" not in found["idefics2"], "whose own processor is proved"
    assert "arrays" not in found["bert"]
