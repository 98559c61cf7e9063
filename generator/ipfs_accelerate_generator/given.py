"""Heads that are given arrays by name: those whose inputs no processor makes, or none that is proved here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ipfs_accelerate_generator.spec import FUSED, GENERATE, PICTURED, Head, ModelSpec
from ipfs_accelerate_generator.structures import SESSION, structures_in
from ipfs_accelerate_generator.tensor import Tensor
from ipfs_accelerate_generator.values import Value
from ipfs_accelerate_py.skills.audio_features import EXTRACTORS
from ipfs_accelerate_py.skills.codec_input import CODEC_EXTRACTORS
from ipfs_accelerate_py.skills.frame_features import FRAME_EXTRACTORS
from ipfs_accelerate_py.skills.image_classes import OWN_STEPS
from ipfs_accelerate_py.skills.own_classes import STEPS
from ipfs_accelerate_py.skills.preprocessing import stem
from ipfs_accelerate_py.skills.shown_sizes import PATCHES, WHOLE

TEMPLATE: Final = "tensor"
"""The spine, and the one template of every task that answers at once."""
WRITING: Final = "tensor_writing"
"""The template of every task that writes token by token, and reads all anew for each."""
KEEPING: Final = "tensor_keeping"
"""The template of every task that writes token by token, behind a cache of what it has read."""
TRANSDUCING: Final = "tensor_transducing"
"""The template of classes that write any number of tokens at each place of a sound."""
STRUCTURED: Final = "tensor_structured"
"""The template of classes of which an input is a record of several arrays."""
FOLLOWING: Final = "tensor_following"
"""The template of classes that follow what is pointed at through a film."""
SPEAKING: Final = "tensor_speaking"
"""The template of classes that have no forward, and generate a sound."""
CONTINUING: Final = frozenset({f"tasks/{WRITING}", f"tasks/{KEEPING}"})
"""Those of tasks that write what follows arrays."""
GIVEN: Final = CONTINUING | {
    f"tasks/{each}" for each in (TEMPLATE, STRUCTURED, FOLLOWING, TRANSDUCING, SPEAKING)
}
"""Those of all tasks that are given arrays."""

UNWRITTEN: Final = frozenset(
    {
        "keypoint-detection",
        "keypoint-matching",
        "visual-question-answering",
        "document-question-answering",
        "table-question-answering",
        "causal-image-modeling",
        "text-to-audio",
    }
)
"""Tasks that have no other template than the one of arrays."""

_READ: Final = frozenset({"input_ids", "attention_mask", "token_type_ids", "decoder_input_ids", "bbox"})
_SEEN: Final = frozenset({"pixel_values", "pixel_mask", "pixel_values_videos", "bool_masked_pos"})
_BESIDE: Final = frozenset(
    {
        "image_grid_thw",
        "image_merge_sizes",
        "image_sizes",
        "pixel_attention_mask",
        "image_grid_hw",
        "high_res_pixel_values",
        "mm_token_type_ids",
        "is_longer",
    }
)
_HEARD: Final = frozenset({"input_values", "input_features"})
_READS: Final = {
    "image-feature-extraction": ("last_hidden_state",),
    "image-segmentation": ("logits",),
}
"""What the templates of a few tasks read, of whose classes some give something else."""
_TOWERS: Final = ("get_text_features", "get_image_features")
_PICTURED: Final = frozenset({"image-text-to-text", "any-to-any"})
_READ_BEHIND: Final = frozenset({"feature-extraction", "text-to-audio"})
"""Tasks whose answer is a forward pass of a whole encoder with its decoder, which is given what it wrote so far."""
_SPEAKS: Final = "automatic-speech-recognition"
TRANSDUCERS: Final = frozenset({"MODEL_FOR_RNNT_MAPPING_NAMES", "MODEL_FOR_TDT_MAPPING_NAMES"})
"""Classes that write any number of tokens at each place of a sound, and not one after the other."""
_AFTER_SOUNDS: Final = "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES"
_TRANSCRIBES: Final = "WhisperProcessor"
"""The processor whose tokens for languages, tasks and times the template of texts after sounds knows."""
_WRITES: Final = _PICTURED | {"text-generation", "text2text-generation"}
_EXTRACTORS: Final = frozenset({*EXTRACTORS, *FRAME_EXTRACTORS, *CODEC_EXTRACTORS})
_PROCESSED: Final = _READ | _SEEN | _BESIDE | _HEARD


def is_given(head: Head) -> bool:
    """Whether one of the inputs is none that processors make."""
    return not _PROCESSED.issuperset(head.inputs)


def unmade(spec: ModelSpec, head: Head) -> str:
    """Return why nothing here makes the inputs of `head` from a text, a picture or a sound; "" where something does.

    What pictures a text goes with are made of belongs to the templates of types that write about them.
    """
    made = spec.processors
    if head.method == GENERATE:
        begins = f"{_unproved(head, made.processor, 'a text')}; {head.model} has no forward"
        return f"{begins}, and these are what the part of it takes that begins"
    if is_given(head):
        strange = ", ".join(name for name in head.inputs if name not in _PROCESSED)
        return f"{head.task} takes {strange}, which no processor makes"
    if _HEARD.intersection(head.inputs) and made.feature_extractor not in _EXTRACTORS:
        return _unproved(head, made.feature_extractor, "a sound")
    if head.table == _AFTER_SOUNDS and made.processor != _TRANSCRIBES:
        return f"{head.task}: what {made.processor or 'its class'} has a decoder write around a text is not proved here"
    if head.task in _READS and not _is_read(head):
        return f"{head.task} reads {head.output}: nobody wrote what makes an answer of it yet"
    pictured = any(each.task in _PICTURED for each in spec.heads)
    if "input_ids" in head.inputs and not (made.tokenizer or pictured):
        return _unproved_text(spec, head)
    sees = _SEEN.intersection(head.inputs) and not pictured
    if sees and (not made.image_processor or stem(made.image_processor) in OWN_STEPS.keys() - STEPS.keys()):
        return _unproved(head, made.image_processor, "a picture")
    if sees and "input_ids" in head.inputs and head.task == "feature-extraction":
        return f"{head.task} takes {', '.join(head.inputs)}: nobody wrote what makes them together yet"
    return ""


def _is_read(head: Head) -> bool:
    """Whether the template of its task reads what `head` gives."""
    if head.method:
        return head.method in _TOWERS
    return head.output in _READS[head.task]


def unwritten(spec: ModelSpec, head: Head) -> bool:
    """Whether nobody wrote a template for what `head` is given, although something proved may make it.

    That is so of a few tasks; of classes without a plain form of attention; of texts of a type whose tokenizer is not
    proved; and of texts with pictures in them that lie as none of the templates for these has them.
    """
    if head.task in UNWRITTEN or head.table in TRANSDUCERS or head.attention == FUSED or seen_otherwise(spec):
        return True
    if head.task in _PICTURED:
        return spec.processors.processor not in PICTURED and not takes_arrays(head)
    return (
        "text" in spec.modalities
        and not spec.processors.tokenizer
        and not any(each.task in _PICTURED for each in spec.heads)
    )


def seen_otherwise(spec: ModelSpec) -> bool:
    """Whether texts have pictures in them that lie as no template has them, so that all is given as arrays."""
    heads = [head for head in spec.heads if head.task in _PICTURED and "pixel_values" in head.inputs]
    known = spec.processors.processor in PICTURED or any(takes_arrays(head) for head in heads)
    return spec.modalities == ("text", "image") and bool(heads) and not known


def takes_arrays(head: Head) -> bool:
    """Whether what `head` makes of pictures takes the places of tokens, and all that it is given is known here."""
    known = {*WHOLE, *PATCHES, "input_ids", "attention_mask"}
    if "image_grid_thw" in head.inputs:
        known.add("mm_token_type_ids")
    return (
        head.task in _PICTURED
        and "pixel_values" in head.inputs
        and head.pictures in ("whole", "nested", "cut", "patches")
        and known.issuperset(head.inputs)
    )


def why(spec: ModelSpec, head: Head) -> str:
    """Return why `head` is given arrays by name."""
    return (
        unmade(spec, head)
        or f"{head.task} takes {', '.join(head.inputs)}: nobody wrote what makes them here yet"
    )


def why_pictured(spec: ModelSpec, head: Head) -> str:
    """Return why a text of `head` goes with arrays in the place of its pictures."""
    return _unproved(head, spec.processors.processor, "a picture")


def by_name(spec: ModelSpec) -> dict[str, str]:
    """Return the template of each task of `spec` that can be given arrays."""
    return {head.task: f"tasks/{name}" for head in spec.heads if (name := _by_name(head))}


def writes(head: Head) -> bool:
    """Whether `head` is given arrays and writes what follows them."""
    return _by_name(head) in (WRITING, KEEPING)


def _by_name(head: Head) -> str:
    behind = "decoder_input_ids" in head.inputs
    if not head.tensors:
        return ""
    if head.method == GENERATE:
        return SPEAKING
    if head.table in TRANSDUCERS:
        return "" if head.whole or any(each.idle for each in head.tensors) else TRANSDUCING
    speaks = head.task == _SPEAKS and (behind or "input_ids" in head.inputs)
    if head.task in _WRITES or speaks:
        return (KEEPING if head.keeps else WRITING) if _matters(head) else ""
    idle = any(each.idle for each in head.tensors if each.name == "decoder_input_ids")
    if behind and (idle or head.task not in _READ_BEHIND):
        return ""
    structures = structures_in(head.inputs)
    return FOLLOWING if SESSION in structures else STRUCTURED if structures else TEMPLATE


def _matters(head: Head) -> bool:
    """Whether what `head` writes follows from all that it is given: a picture or a sound that does nothing is not.

    Masks may say nothing, and so may kinds of tokens, which some classes read off the ids.
    """
    given = [each for each in head.tensors if not each.name.endswith(("mask", "token_type_ids"))]
    return head.output == "logits" and not head.whole and not any(each.idle for each in given)


def _unproved_text(spec: ModelSpec, head: Head) -> str:
    told = spec.processing
    begins = _unproved(head, spec.processors.processor or told.tokenizer, "a text")
    return f"{begins}; {told.refused}" if told.refused else begins


def _unproved(head: Head, name: str, raw: str) -> str:
    what = (
        f"what {name} makes of {raw} is not proved here" if name else f"no processor of {raw} is proved here"
    )
    return f"{head.task} takes {', '.join(head.inputs)}: {what}"


@dataclass(frozen=True)
class PlannedArray:
    """One input of a head that is given as an array, without the axis of the batch where its rows are taken apart."""

    tensor: Tensor
    whole: bool

    @property
    def name(self) -> str:
        """The input."""
        return self.tensor.name

    @property
    def dtype(self) -> str:
        """Its type: "float32", "int64" or "bool"."""
        return self.tensor.dtype

    @property
    def sizes(self) -> tuple[int | str, ...]:
        """For each axis a sample's size, or where a checkpoint's own is read."""
        texts = self.tensor.sizes or ("",) * len(self.tensor.shape)
        return tuple(text or size for text, size in zip(texts, self.tensor.shape, strict=True))[self._first :]

    @property
    def vary(self) -> tuple[int, ...]:
        """The axes of any size."""
        return tuple(axis - self._first for axis in self.tensor.vary if axis >= self._first)

    @property
    def other_sizes(self) -> tuple[int | str, ...]:
        """For each axis a size of the second sample; () where that of the first serves."""
        return tuple(
            other if axis in self.vary else size
            for axis, (size, other) in enumerate(
                zip(self.sizes, self.tensor.other_shape[self._first :], strict=False)
            )
        )

    @property
    def others(self) -> list[Value]:
        """The numbers of the second sample; none where those of the first serve, or others do."""
        return self.tensor.other_values

    @property
    def low(self) -> int:
        """The least value."""
        return self.tensor.low

    @property
    def high(self) -> int:
        """What every number is below; 0 of numbers from the standard normal distribution."""
        return self.tensor.high

    @property
    def idle(self) -> bool:
        """Whether the output does not depend on it."""
        return self.tensor.idle

    @property
    def values(self) -> list[Value]:
        """The numbers themselves; none where others do."""
        return self.tensor.values

    @property
    def _first(self) -> int:
        return 0 if self.whole else 1
