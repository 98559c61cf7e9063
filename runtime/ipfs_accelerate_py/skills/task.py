"""The tasks, under the names of the Hugging Face pipelines, and the few heads that have no pipeline."""

from __future__ import annotations

from ipfs_accelerate_py.errors import unknown

# The pipelines of transformers 5.23 (`transformers.pipelines.SUPPORTED_TASKS`), by modality.
PIPELINES = (
    "feature-extraction",
    "fill-mask",
    "text-classification",
    "token-classification",
    "zero-shot-classification",
    "text-generation",
    "table-question-answering",
    "image-feature-extraction",
    "image-classification",
    "image-segmentation",
    "object-detection",
    "depth-estimation",
    "mask-generation",
    "keypoint-matching",
    "video-classification",
    "zero-shot-image-classification",
    "zero-shot-object-detection",
    "audio-classification",
    "automatic-speech-recognition",
    "text-to-audio",
    "zero-shot-audio-classification",
    "document-question-answering",
    "image-text-to-text",
    "any-to-any",
    "decision",
)

# Heads that transformers ships without a pipeline of that name (question-answering had one until release 5).
HEADS_WITHOUT_PIPELINE = (
    "question-answering",
    "zero-shot-video-classification",
    "multiple-choice",
    "next-sentence-prediction",
    "masked-image-modeling",
    "audio-feature-extraction",
    "video-feature-extraction",
    "text2text-generation",
    "time-series-prediction",
    "time-series-regression",
    "time-series-classification",
    "audio-frame-classification",
    "audio-xvector",
    "visual-question-answering",
    "visual-document-retrieval",
    "text-recognition",
    "table-recognition",
    "image-matting",
    "causal-image-modeling",
    "normal-estimation",
    "pointmap-estimation",
    "pose-estimation",
    "keypoint-detection",
    "image-to-image",
    "audio-tokenization",
)

TASKS = PIPELINES + HEADS_WITHOUT_PIPELINE


def task(name: str) -> str:
    """Return the task called `name`.

    Raises:
        UnknownName: there is none; the message names the nearest.
    """
    if name not in TASKS:
        raise unknown("task", name, TASKS)
    return name
