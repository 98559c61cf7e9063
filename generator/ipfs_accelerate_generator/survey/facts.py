"""What is read without running anything: title, limits, processors and family."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, Final

from ipfs_accelerate_generator.given import is_given
from ipfs_accelerate_generator.modalities import CARRIES
from ipfs_accelerate_generator.spec import PICTURED, Head, Limits, Processors
from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.pictured import KINDS, TOKEN_KINDS
from ipfs_accelerate_generator.survey.shape import text
from ipfs_accelerate_generator.survey.subject import Subject
from ipfs_accelerate_py.evidence.tiny import trained

# Config fields that limit an input, the usual name first.
_TOKEN_LIMITS: Final = (
    "max_position_embeddings",
    "n_positions",
    "max_target_positions",
    "n_ctx",
    "max_seq_len",
    "max_sequence_length",
    "max_seq_length",
)
_IMAGE_LIMITS: Final = ("image_size", "img_size")
_FRAME_LIMITS: Final = ("num_frames",)
_AUDIO_LIMITS: Final = ("max_source_positions",)
# They say where in a picture something is meant, and are of it.
_POINTS: Final = frozenset({"input_points", "input_labels"})


def title(about: Subject) -> str:
    """Return a readable name: as the config module's first line spells it, or the class's."""
    name = about.config.__name__.removesuffix("Config")
    if about.config.model_type != about.model_type:  # one config class of several types
        return about.model_type
    line = (importlib.import_module(about.config.__module__).__doc__ or "").strip().split("\n")[0]
    spelled = re.sub(r"\s+(model\s+)?configuration\.?$", "", line)
    return spelled if _letters(spelled) == _letters(name) else name


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def processors(about: Subject) -> Processors:
    """Return the names of the classes that make tensors for the type, without torchvision."""
    from transformers.models.auto import (
        feature_extraction_auto,
        image_processing_auto,
        processing_auto,
        tokenization_auto,
        video_processing_auto,
    )

    tables = {
        "tokenizer": (tokenization_auto, "TOKENIZER_MAPPING"),
        "image_processor": (image_processing_auto, "IMAGE_PROCESSOR_MAPPING"),
        "feature_extractor": (feature_extraction_auto, "FEATURE_EXTRACTOR_MAPPING"),
        "video_processor": (video_processing_auto, "VIDEO_PROCESSOR_MAPPING"),
        "processor": (processing_auto, "PROCESSOR_MAPPING"),
    }
    found: dict[str, str] = {}
    for kind, (module, table) in tables.items():
        if about.registered:
            entry = getattr(module, table).get(about.config, None)
        else:
            entry = getattr(module, f"{table}_NAMES").get(about.model_type)
        if (name := _name(entry)) is not None:
            found[kind] = name
    return Processors(**found)


_PLAINLY_SEEN: Final = frozenset(
    {"image-feature-extraction", "image-classification", "masked-image-modeling", "image-segmentation"}
)


def completed(made: Processors, carried: Iterable[str], tables: Iterable[str] = ()) -> Processors:
    """Return `made` with the tokenizer that transformers takes for a type whose table names none.

    Of texts, and of what a decoder writes from a sound, it is the general one. What spells a sound frame by frame (a
    head of the `tables` for CTC) has that of the types with the same processor, and where texts with pictures are made
    here, so is the image processor.
    """
    if made.processor in PICTURED and not made.image_processor:
        made = dataclasses.replace(made, image_processor=_shared(made.processor, "image_processor"))
    if made.tokenizer:
        return made
    if "MODEL_FOR_CTC_MAPPING_NAMES" in tables:
        return dataclasses.replace(made, tokenizer=_shared(made.processor, "tokenizer"))
    writes = made.feature_extractor and "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES" in tables
    if writes or ("text" in carried and not made.processor):
        return dataclasses.replace(made, tokenizer="TokenizersBackend")
    return made


def spelled(made: Processors, tables: Iterable[str]) -> Processors:
    """Return `made` without a tokenizer that cannot be made here, nor kept in the one file that answers are made from.

    Some classes need files of a language, a library that is not installed, or know no tokenizer.json. What they would
    make of a text is given as arrays then. What spells a sound frame by frame is a list of letters, and needs neither.
    """
    if not made.tokenizer or "MODEL_FOR_CTC_MAPPING_NAMES" in tables or _can_be_made(made.tokenizer):
        return made
    return dataclasses.replace(made, tokenizer="")


@cache
def _can_be_made(name: str) -> bool:
    import transformers

    try:
        with TemporaryDirectory() as folder:
            trained(getattr(transformers, name)).save_pretrained(folder)
            return (Path(folder) / "tokenizer.json").is_file()
    except FOREIGN:
        return False


def seeing(about: Subject, made: Processors, heads: Iterable[Head]) -> Processors:
    """Return `made` with the plain image processor for a type of images that transformers' table does not know.

    A tower that is a type by itself is no entry there: its checkpoints say by themselves how images are made ready. A
    detector's image processor also words its answers, so that a plain one would not do.
    """
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

    tasks = {head.task for head in heads}
    known = about.registered or about.model_type in IMAGE_PROCESSOR_MAPPING_NAMES or made != Processors()
    if known or not tasks <= _PLAINLY_SEEN:
        return made
    return Processors(image_processor="ViTImageProcessorPil")


def _shared(processor: str, part: str) -> str:
    """Return the part of the types that have the class `processor`, or "" if they have several or none."""
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

    tables = {"tokenizer": TOKENIZER_MAPPING_NAMES, "image_processor": IMAGE_PROCESSOR_MAPPING_NAMES}
    table = tables[part]
    found = {
        name
        for kind, each in PROCESSOR_MAPPING_NAMES.items()
        if processor and _name(each) == processor and (name := _name(table.get(kind)))
    }
    return found.pop() if len(found) == 1 else ""


def _name(entry: Any) -> str | None:
    """Return the class name in an entry of a mapping: a name, a class, a choice, or names by library."""
    if isinstance(entry, dict):
        return _name(entry.get("pil"))
    if isinstance(entry, (tuple, list)):
        return next((name for each in reversed(entry) if (name := _name(each)) is not None), None)
    return entry.__name__ if isinstance(entry, type) else entry


def returned(about: Subject, made: Processors) -> tuple[str, ...]:
    """Return the names of the tensors that the type's processors return, as their classes state them."""
    names: list[str] = []
    for kind in ("tokenizer", "image_processor", "feature_extractor", "video_processor"):
        if name := getattr(made, kind):
            names.extend(_told(name, "model_input_names", ()))
    if _told(made.processor, f"return_{KINDS}", False):
        names.append(KINDS)
    names.extend(name for name in _added(made.processor) if name in TOKEN_KINDS)
    if not names:  # no processor is known: the names that most models use
        names = ["input_ids", "attention_mask", *(name for name in CARRIES if name != "input_ids")]
    return tuple(dict.fromkeys(names))


def _told(name: str, attribute: str, otherwise: Any) -> Any:
    """Return an attribute of the class `name` of transformers; of one that lacks a library here, nothing is known."""
    import transformers

    try:
        return getattr(getattr(transformers, name, None), attribute, otherwise)
    except ImportError:
        return otherwise


def _added(name: str) -> tuple[str, ...]:
    """Return the names of the tensors that the processor class `name` returns beside those of its parts.

    It says so to an instance alone: one that is made of parts which return nothing stands for all.
    """
    kind = _told(name, "get_attributes", None)
    if kind is None:
        return ()
    processor = object.__new__(kind.__self__)
    for part in kind():
        setattr(processor, part, SimpleNamespace(model_input_names=[]))
    with suppress(*FOREIGN):
        return tuple(processor.model_input_names)
    return ()


def limits(config: Any, modalities: Iterable[str]) -> Limits:
    """Return the names of the config fields that limit each modality, dotted where a part holds it."""
    fields = {
        "text": (("tokens", _TOKEN_LIMITS),),
        "image": (("image", _IMAGE_LIMITS),),
        "video": (("image", _IMAGE_LIMITS), ("frames", _FRAME_LIMITS)),
        "audio": (("audio", _AUDIO_LIMITS),),
    }
    found: dict[str, str] = {}
    for modality in modalities:
        for key, names in fields.get(modality, ()):
            found[key] = _path(config, names)
    return Limits(**found)


def vocabulary(config: Any) -> str:
    """Return the dotted name of the field that holds the number of tokens, or "" if there is none.

    A part about text knows its own; a whole that says a number, too, has it from before it had parts.
    """
    inner = vars(config).get("text_config")
    named = inner is not None and inner is text(config) and _path(inner, ("vocab_size",))
    return f"text_config.{named}" if named else _path(config, ("vocab_size",))


def _path(config: Any, names: Iterable[str]) -> str:
    from transformers import PreTrainedConfig

    own = {entry.name for entry in dataclasses.fields(config)}
    written = getattr(config, "attribute_map", {})  # a field may be kept, and saved, under another name
    for name in names:
        if name in own and getattr(config, name) is not None:
            return str(written.get(name, name))
    inner = [(key, value) for key, value in vars(config).items() if isinstance(value, PreTrainedConfig)]
    inner.sort(key=lambda each: each[1] is not text(config))
    return next((f"{key}.{path}" for key, value in inner if (path := _path(value, names))), "")


def given(heads: tuple[Head, ...]) -> tuple[Head, ...]:
    """Return the heads that say what the type is given: not a decoder's own, where text is what it writes.

    Of a type that makes text of something else, the decoder alone continues a text, and that is no input of the type.
    """
    writes = any("decoder_input_ids" in head.inputs and "input_ids" not in head.inputs for head in heads)
    others = tuple(head for head in heads if head.task != "text-generation" or "input_ids" not in head.inputs)
    return others if writes and not any("input_ids" in head.inputs for head in others) else heads


def family(carried: tuple[str, ...], tasks: tuple[str, ...], heads: tuple[Head, ...] = ()) -> tuple[str, str]:
    """Return the family and subfamily that a user would look for the type under."""
    if heads and all(is_given(head) and _POINTS.isdisjoint(head.inputs) for head in heads):
        return "tensor", "time-series" if "time-series" in carried else "part"
    if len(carried) > 1:
        compared = any(task.startswith("zero-shot-") for task in tasks)
        apart = any(task.endswith("-feature-extraction") for task in tasks) and "feature-extraction" in tasks
        tower = (compared or apart) and "image-text-to-text" not in tasks
        return "multimodal", "two-tower" if tower else "-".join((*carried, "to-text"))
    match carried:
        case ("image",) | ("video",):
            return "vision", f"{carried[0]}-encoder"
        case ("audio",):
            return "audio", "speech-to-text" if "automatic-speech-recognition" in tasks else "audio-encoder"
        case ("text",) if "text-to-audio" in tasks:
            return "audio", "text-to-speech"
        case ("text",) if "text2text-generation" in tasks:
            return "text_generation", "text-to-text"
        case ("text",) if "text-generation" in tasks and "fill-mask" not in tasks:
            return "text_generation", "text-decoder"
        case ("text",):
            return "embedding", "text-encoder"
        case _:
            return "embedding", f"{carried[0]}-encoder" if carried else "encoder"
