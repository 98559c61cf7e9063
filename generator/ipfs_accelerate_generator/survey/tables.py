"""Which tasks each auto-mapping table of transformers stands for; nothing here is per model type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MODEL_TABLE: Final = "MODEL_MAPPING_NAMES"
"""Names the bare model of each type; its task depends on what that model takes."""

ENCODER_TABLE: Final = "MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES"
"""Names the encoder alone of types whose bare model has a decoder behind it; of others, the bare model again."""

VIDEO_TABLE: Final = "MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES"
"""Names the classes of types whose pixels are frames of a video."""

TASKS: Final[Mapping[str, tuple[str, ...]]] = {
    "MODEL_FOR_MASKED_LM_MAPPING_NAMES": ("fill-mask",),
    "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES": ("text-generation",),
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES": ("text2text-generation",),
    "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES": ("text-classification", "zero-shot-classification"),
    "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES": ("token-classification",),
    "MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES": ("question-answering",),
    "MODEL_FOR_TABLE_QUESTION_ANSWERING_MAPPING_NAMES": ("table-question-answering",),
    "MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES": ("multiple-choice",),
    "MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING_NAMES": ("next-sentence-prediction",),
    "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES": ("image-classification",),
    "MODEL_FOR_MASKED_IMAGE_MODELING_MAPPING_NAMES": ("masked-image-modeling",),
    "MODEL_FOR_CAUSAL_IMAGE_MODELING_MAPPING_NAMES": ("causal-image-modeling",),
    "MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES": ("object-detection",),
    # The segmentation pipeline takes all four; the first table that has the type decides.
    "MODEL_FOR_IMAGE_SEGMENTATION_MAPPING_NAMES": ("image-segmentation",),
    "MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES": ("image-segmentation",),
    "MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING_NAMES": ("image-segmentation",),
    "MODEL_FOR_INSTANCE_SEGMENTATION_MAPPING_NAMES": ("image-segmentation",),
    "MODEL_FOR_MASK_GENERATION_MAPPING_NAMES": ("mask-generation",),
    "MODEL_FOR_IMAGE_MATTING_MAPPING_NAMES": ("image-matting",),
    "MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES": ("depth-estimation",),
    "MODEL_FOR_NORMAL_ESTIMATION_MAPPING_NAMES": ("normal-estimation",),
    "MODEL_FOR_POINTMAP_ESTIMATION_MAPPING_NAMES": ("pointmap-estimation",),
    "MODEL_FOR_POSE_ESTIMATION_MAPPING_NAMES": ("pose-estimation",),
    "MODEL_FOR_KEYPOINT_DETECTION_MAPPING_NAMES": ("keypoint-detection",),
    "MODEL_FOR_KEYPOINT_MATCHING_MAPPING_NAMES": ("keypoint-matching",),
    "MODEL_FOR_IMAGE_TO_IMAGE_MAPPING_NAMES": ("image-to-image",),
    "MODEL_FOR_TEXT_RECOGNITION_MAPPING_NAMES": ("text-recognition",),
    "MODEL_FOR_TABLE_RECOGNITION_MAPPING_NAMES": ("table-recognition",),
    VIDEO_TABLE: ("video-classification",),
    "MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES": ("zero-shot-image-classification",),
    "MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING_NAMES": ("zero-shot-object-detection",),
    "MODEL_FOR_VISUAL_QUESTION_ANSWERING_MAPPING_NAMES": ("visual-question-answering",),
    "MODEL_FOR_DOCUMENT_QUESTION_ANSWERING_MAPPING_NAMES": ("document-question-answering",),
    "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES": ("image-text-to-text",),
    "MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES": ("any-to-any",),
    "MODEL_FOR_RETRIEVAL_MAPPING_NAMES": ("visual-document-retrieval",),
    "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES": ("audio-classification",),
    # Four ways to recognise speech, in the pipeline's order: a type in two tables keeps the pipeline's class.
    "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES": ("automatic-speech-recognition",),
    "MODEL_FOR_CTC_MAPPING_NAMES": ("automatic-speech-recognition",),
    "MODEL_FOR_TDT_MAPPING_NAMES": ("automatic-speech-recognition",),
    "MODEL_FOR_RNNT_MAPPING_NAMES": ("automatic-speech-recognition",),
    "MODEL_FOR_AUDIO_FRAME_CLASSIFICATION_MAPPING_NAMES": ("audio-frame-classification",),
    "MODEL_FOR_AUDIO_XVECTOR_MAPPING_NAMES": ("audio-xvector",),
    "MODEL_FOR_AUDIO_TOKENIZATION_NAMES": ("audio-tokenization",),
    "MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING_NAMES": ("text-to-audio",),
    "MODEL_FOR_TEXT_TO_SPECTROGRAM_MAPPING_NAMES": ("text-to-audio",),
    "MODEL_FOR_TIME_SERIES_PREDICTION_MAPPING_NAMES": ("time-series-prediction",),
    "MODEL_FOR_TIME_SERIES_REGRESSION_MAPPING_NAMES": ("time-series-regression",),
    "MODEL_FOR_TIME_SERIES_CLASSIFICATION_MAPPING_NAMES": ("time-series-classification",),
}

LEFT_OUT: Final[Mapping[str, str]] = {
    "MODEL_FOR_PRETRAINING_MAPPING_NAMES": "pretraining heads; what they infer, other tables name by task",
    "MODEL_FOR_BACKBONE_MAPPING_NAMES": "parts of other models: feature maps for a detector, no task",
    "MODEL_FOR_IMAGE_MAPPING_NAMES": "the bare models of MODEL_MAPPING_NAMES again",
    "MODEL_FOR_DECISION_MAPPING_NAMES": "one wrapper class around foreign model types, not a head of theirs",
}
"""Tables that name no task of their own, and why; a test finds a table that is in neither mapping."""

TEXT_ONLY: Final = frozenset({"text2text-generation"})
"""Tasks whose table also lists types that take something else, under another name there."""

LABELS: Final[Mapping[str, tuple[str, str, str]]] = {
    "text-classification": ("negative", "neutral", "positive"),
    "zero-shot-classification": ("contradiction", "neutral", "entailment"),
    "token-classification": ("O", "B-NAME", "I-NAME"),
}
"""Three labels each, with the names that the task gives a meaning to."""

OTHER_LABELS: Final = ("first", "second", "third")
