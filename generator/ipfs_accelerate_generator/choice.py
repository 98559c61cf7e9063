"""Which templates a model type takes: the spine of its family, and one for each of its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ipfs_accelerate_generator.given import CONTINUING, GIVEN, TEMPLATE, by_name, seen_otherwise, unmade
from ipfs_accelerate_generator.planned import SEEN, SOUNDS, given_arrays
from ipfs_accelerate_generator.spec import PICTURED, Head, ModelSpec, Processors
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_py.skills.image_classes import OWN_STEPS
from ipfs_accelerate_py.skills.own_classes import STEPS
from ipfs_accelerate_py.skills.preprocessing import stem

_PIXELS: Final = frozenset({"pixel_values", "pixel_values_videos"})
_ALONE: Final = frozenset(
    {"zero-shot-image-classification", "image-feature-extraction", "image-classification", "text-generation"}
)
SPELLING: Final = "Wav2Vec2CTCTokenizer"
"""The tokenizer of speech that is written letter by letter."""

# What has the spine of another: a decoder of texts takes in what an encoder does, and a video is one of several kinds.
_SPINES: Final = {"text_generation": "embedding", "vision_video_encoder": "multimodal"}


def templates_of(spec: ModelSpec, templates: Templates) -> dict[str, str]:
    """Return the template of each task that has one.

    A task that nothing is made for is given arrays by name, beside the others or alone.
    """
    made = {head.task: name for head in spec.heads if (name := _template(spec, head, templates))}
    if f"tasks/{TEMPLATE}" not in templates:
        return made
    if seen_otherwise(spec):  # what writes about pictures says how they are given, wherever that is known
        named = by_name(spec)
        return named if CONTINUING.intersection(named.values()) else made or named
    return {**made, **_beside(spec, made)} if made else by_name(spec)


def _beside(spec: ModelSpec, made: Mapping[str, str]) -> dict[str, str]:
    """Return the templates of tasks that are given arrays in a module of which others are given something better."""
    named = by_name(spec)
    return {task: template for task, template in named.items() if task not in made}


def wants_arrays(spec: ModelSpec, head: Head, *, sees: bool) -> bool:
    """Whether `head` has no other way to be given what it takes, as nobody wrote one.

    One that was run without the picture or sound that its task is about has not been given what it `sees`; one whose
    class has no input for such a thing has been given everything.
    """
    return not sees if lacks_its_own(head) else _is_refused_here(spec, head)


def _template(spec: ModelSpec, head: Head, templates: Templates) -> str:
    """Return the template of `head`, or "" if there is none.

    Where several tables lead to one task, each kind of class may have a template of its own, which goes first:
    "tasks/automatic_speech_recognition_ctc" is for the classes of MODEL_FOR_CTC_MAPPING_NAMES. So may a task that is
    given a sound where others are given a text: "tasks/feature_extraction_audio".
    """
    if head.tensors or lacks_its_own(head) or _is_refused_here(spec, head):
        return ""  # the survey describes arrays where nothing else was found to feed or to read a class
    sounds = any(name in head.inputs for name in SOUNDS)
    kind = head.table.removeprefix("MODEL_FOR_").removesuffix("_MAPPING_NAMES").lower()
    names = [f"tasks/{head.function}_{kind}", f"tasks/{head.function}"]
    if head.task in ("image-text-to-text", "any-to-any") and given_arrays(spec):
        names = [f"tasks/{head.function}_arrays"]
    if sounds:
        names.insert(1, f"tasks/{head.function}_audio")
    if sounds and kind == "ctc" and spec.processors.tokenizer != SPELLING:
        names = [f"{names[0]}_pieces"]  # of words, and not letters
    return next((name for name in names if name in templates), "")


def _is_refused_here(spec: ModelSpec, head: Head) -> bool:
    """Whether nobody wrote what makes the inputs of `head`, whatever the templates are."""
    if unmade(spec, head) or _belongs_elsewhere(spec, head):
        return True
    if spec.subfamily == "text-to-speech" and head.task == "feature-extraction":
        return True  # its spine makes sounds of texts, and vectors of neither
    sounds = any(name in head.inputs for name in SOUNDS)
    if spec.modalities == ("audio",) and "input_ids" in head.inputs and head.task != "text-generation":
        return True  # what audio types are given is sound; a decoder alone continues a text
    if sounds and head.task == "feature-extraction" and head.output in ("logits", "audio_values"):
        return True  # the table of bare models names the class of another task again: it gives a sound, or no vectors
    if sounds and "input_ids" in head.inputs and head.output in ("last_hidden_state", "logits"):
        return True  # nobody wrote its sounds in a text yet
    if head.task == "any-to-any" and not _is_pictured_text(spec, head):
        return True  # nobody wrote its sounds and videos yet
    if spec.modalities == ("video",) and not spec.processors.image_processor:
        return True  # torchvision alone makes its frames
    reads = "input_ids" in head.inputs and "attention_mask" not in head.inputs
    if head.task == "feature-extraction" and reads and not given_arrays(spec):
        return True  # its vectors are the mean of those that a mask leaves
    only_images = spec.modalities == ("image",)
    if (only_images or head.task in SEEN) and _is_refused(spec.processors.image_processor):
        return True  # nobody wrote its pictures in NumPy yet
    if head.task == "zero-shot-object-detection" and "pixel_mask" in head.inputs:
        return True  # it reads all labels in one text
    if only_images and spec.processors == Processors():
        return True  # torchvision alone makes its pictures
    if head.task in ("image-text-to-text", "any-to-any") and not given_arrays(spec):
        return spec.processors.processor not in PICTURED  # nobody wrote how its pictures stand in a text
    return False


def lacks_its_own(head: Head) -> bool:
    """Whether the survey ran `head` without what its task is about: a picture or a sound."""
    words = head.task.split("-")
    seen = bool({"image", "images", "object", "depth"} & {*words}) or head.task == "any-to-any"
    heard = bool({"audio", "speech"} & {*words}) and "text" not in words
    return (seen and _PIXELS.isdisjoint(head.inputs)) or (
        heard and not {*SOUNDS, "audio_codes"} & {*head.inputs}
    )


def _belongs_elsewhere(spec: ModelSpec, head: Head) -> bool:
    """Whether `head` wants a spine that the type does not take, because of its other tasks or for want of a reader."""
    made = spec.processors
    if (
        "image-text-to-text" in spec.tasks and "image" in spec.modalities
    ):  # its spine reads texts with pictures, and neither of them alone
        return head.task in _ALONE or not ((made.tokenizer and made.image_processor) or given_arrays(spec))
    if spec.modalities == ("video",) and "video" not in head.task.split("-"):
        return True
    if head.task == "automatic-speech-recognition" and spec.family != "audio":
        return True
    if spec.family == "audio":
        return not made.feature_extractor
    return "text" in spec.modalities and not made.tokenizer


def _is_refused(image_processor: str) -> bool:
    """Whether that class has steps of its own which are not done here."""
    return stem(image_processor) in OWN_STEPS.keys() - STEPS.keys()


def _is_pictured_text(spec: ModelSpec, head: Head) -> bool:
    """Whether `head` answers texts with pictures, and its class does so as image-text-to-text, too."""
    same = any(other.task == "image-text-to-text" and other.model == head.model for other in spec.heads)
    return same and spec.modalities == ("text", "image")


def spine(spec: ModelSpec, templates: Templates, chosen: Mapping[str, str]) -> str:
    """Return the name of the template for the subfamily, such as "multimodal_text_image_to_text", or for the family.

    A family without one may share that of another.
    """
    if chosen and GIVEN.issuperset(chosen.values()):
        return TEMPLATE
    own = f"{spec.family}_{spec.subfamily.replace('-', '_')}"
    if given_arrays(spec):
        own = f"{own}_arrays"
    names = (own, _SPINES.get(own, ""), spec.family, _SPINES.get(spec.family, ""))
    return next((name for name in names if f"families/{name}" in templates), "")
