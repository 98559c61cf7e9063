"""An answer of several fields is read whole: boxes beside scores, and where a span ends as well as where it begins."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ipfs_accelerate_generator.survey.answers import beside  # noqa: E402
from ipfs_accelerate_generator.survey.inputs import fed, make  # noqa: E402
from ipfs_accelerate_generator.survey.running import Feed  # noqa: E402
from ipfs_accelerate_generator.survey.shape import Shape  # noqa: E402
from ipfs_accelerate_generator.survey.subject import Candidate  # noqa: E402


class Finder(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    """A class that gives scores, places, numbers of things, a list and what it says of itself."""

    config = transformers.ViTConfig(image_size=32, patch_size=8)

    def forward(self, pixel_values: Any, input_points: Any = None, input_labels: Any = None) -> Any:
        score = pixel_values.flatten(1)[:, :8]
        return {
            "logits": score,
            "pred_boxes": score[:, :4],
            "matching_scores": score,
            "matches": torch.zeros(2, 8, dtype=torch.long),
            "keypoints": score,
            "start_logits": score,
            "end_logits": score,
            "pred_masks": [score],
            "last_hidden_state": score,
        }


@pytest.mark.parametrize(
    ("task", "output", "expected"),
    [
        ("object-detection", "logits", ("pred_boxes",)),
        ("object-detection", "pred_boxes", ()),
        ("keypoint-matching", "matching_scores", ("matches", "keypoints")),
        ("question-answering", "start_logits", ("end_logits",)),
        ("mask-generation", "logits", ()),  # a list is no array
        ("image-classification", "logits", ()),
    ],
)
def test_what_belongs_to_an_answer_is_read_with_it(task: str, output: str, expected: tuple[str, ...]) -> None:
    feed = Feed(("pixel_values",), Shape(task, Finder.config, 12), output)
    assert beside(Candidate(task, "", Finder), Finder(), feed) == expected


def test_a_mask_is_asked_for_by_points_and_a_class_of_pictures_by_none() -> None:
    names = ("pixel_values", "input_points", "input_labels")
    assert fed(Candidate("mask-generation", "", Finder), ["pixel_values"]) == names
    assert fed(Candidate("image-classification", "", Finder), ["pixel_values"]) == names[:1]


def test_several_masks_are_wanted_by_several_points_each() -> None:
    shape = Shape("mask-generation", Finder.config, 12)
    made = make(("pixel_values", "input_points", "input_labels"), shape)
    fewer = make(("pixel_values", "input_points", "input_labels"), Shape("mask-generation", Finder.config, 7))
    assert made["input_points"].shape == (*made["input_labels"].shape, 2)
    assert all(size > 1 for size in made["input_labels"].shape)
    assert fewer["input_labels"].shape[1:] != made["input_labels"].shape[1:]
    assert set(made["input_labels"].flatten().tolist()) == {0, 1}
    assert (made["input_points"] <= made["pixel_values"].shape[-1]).all()
