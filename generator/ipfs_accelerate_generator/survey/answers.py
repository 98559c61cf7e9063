"""Answers of several fields: what belongs to the one that is read of an output, by the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ipfs_accelerate_generator.survey import structured
from ipfs_accelerate_generator.survey.nested import named_in
from ipfs_accelerate_generator.survey.running import Feed
from ipfs_accelerate_generator.survey.subject import Candidate

_SPAN: Final = ("end_logits",)
_BOXES: Final = ("pred_boxes", "decoder_class_logits")
BESIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "document-question-answering": _SPAN,
    "image-segmentation": ("masks_queries_logits", "pred_masks"),
    "keypoint-detection": ("scores", "descriptors", "mask"),
    "keypoint-matching": ("matches", "keypoints"),
    "mask-generation": ("pred_masks", "object_score_logits"),
    "object-detection": _BOXES,
    "question-answering": _SPAN,
    "time-series-prediction": ("full_predictions",),
    "zero-shot-object-detection": _BOXES,
}
"""Without these an answer is half a one: scores without boxes or masks, and where a span begins, but not its end."""


def beside(candidate: Candidate, model: Any, feed: Feed) -> tuple[str, ...]:
    """Return the fields of the output that belong to the answer beside the one that is read."""
    wanted = BESIDE.get(candidate.task, ())
    if not wanted:
        return ()
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        fields = dict(named_in(structured.called(model, feed.made(), candidate.method)))
    return tuple(name for name in wanted if torch.is_tensor(fields.get(name)) and name != feed.output)
