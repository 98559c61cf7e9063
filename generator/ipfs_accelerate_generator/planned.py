"""The parts of a plan: a task and a backend of the module, and what findings say about the two together.

Templates see a `PlannedHead` as `head` and a `PlannedBackend` as `backend`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ipfs_accelerate_generator.given import (
    GIVEN,
    KEEPING,
    SPEAKING,
    TRANSDUCING,
    WRITING,
    PlannedArray,
    takes_arrays,
)
from ipfs_accelerate_generator.literals import Identifier
from ipfs_accelerate_generator.rename import Origin
from ipfs_accelerate_generator.spec import PICTURED, Head, ModelSpec
from ipfs_accelerate_generator.speech import PlannedSpeech
from ipfs_accelerate_generator.structures import structures_in
from ipfs_accelerate_generator.values import Value
from ipfs_accelerate_py.hardware.backend import EXPORTED, Backend
from ipfs_accelerate_py.skills.codec_input import CODEC_EXTRACTORS
from ipfs_accelerate_py.skills.convolved_input import CONVOLUTIONS
from ipfs_accelerate_py.skills.frame_features import FRAME_EXTRACTORS
from ipfs_accelerate_py.skills.shown_sizes import PATCHES, WHOLE

QUERY_MASKS: Final = "MODEL_FOR_IMAGE_SEGMENTATION_MAPPING_NAMES"
SOUNDS: Final = ("input_values", "input_features")
SEEN: Final = frozenset(
    {"zero-shot-object-detection"}
)  # tasks of texts and images that see a picture as a tower does
IMAGE_TENSORS: Final = ("pixel_values", "pixel_mask")
TEXT_TENSORS: Final = ("input_ids", "attention_mask", "token_type_ids")
HEARD: Final = (*SOUNDS, "attention_mask")
GENERATING: Final = frozenset({"text-generation", "text2text-generation", "image-text-to-text", "any-to-any"})
KINDS: Final = "mm_token_type_ids"
_OF_TEXTS: Final = frozenset(
    f"tasks/{task}"
    for task in (
        "feature_extraction",
        "fill_mask",
        "multiple_choice",
        "next_sentence_prediction",
        "question_answering",
        "text2text_generation",
        "text_classification",
        "text_generation",
        "token_classification",
    )
)  # what they feed comes from a tokenizer alone
TOWERED: Final = frozenset(
    {"zero-shot-image-classification", "zero-shot-audio-classification", "audio-tokenization"}
)


@dataclass(frozen=True)
class Pair:
    """What a finding says about one task on one backend; `choices` are those of a variant."""

    task: str
    backend: str
    reason: str
    choices: tuple[tuple[str, str], ...] = ()
    difference: float | None = None

    @property
    def sentence(self) -> str:
        """The pair and the reason, as a docstring says it."""
        chosen = ", ".join(f"{name} {choice}" for name, choice in self.choices)
        return f"{self.task} on {self.backend}: " + (f"{chosen} ({self.reason})" if chosen else self.reason)


@dataclass(frozen=True)
class PlannedHead:
    """One task of the module, under the names that its parts have there."""

    head: Head
    origin: Origin
    backends: tuple[str, ...]
    """Those that offer the task."""
    template: str
    """The template that contributes it: "tasks/fill_mask"."""

    @property
    def task(self) -> str:
        """The task, as the pipelines call it: "fill-mask"."""
        return self.head.task

    @property
    def model(self) -> Identifier:
        """The class: BertForMaskedLM."""
        return Identifier(self.head.model)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tensors that the task feeds, in the order of the forward signature."""
        return self.head.inputs

    @property
    def text_inputs(self) -> tuple[str, ...]:
        """Those of the inputs that a tokenizer makes."""
        return tuple(name for name in TEXT_TENSORS if name in self._made)

    @property
    def audio_inputs(self) -> tuple[str, ...]:
        """Those of the inputs that a feature extractor makes of a sound."""
        return tuple(name for name in HEARD if name in self._made)

    @property
    def sound(self) -> str:
        """The one of them that holds the sound; "" where the task takes none."""
        return next((name for name in SOUNDS if name in self._made), "")

    @property
    def image_inputs(self) -> tuple[str, ...]:
        """Those of the inputs that an image processor makes."""
        return tuple(name for name in IMAGE_TENSORS if name in self._made)

    @property
    def _made(self) -> tuple[str, ...]:
        """The inputs that are made of something: none of a head that is given arrays."""
        return () if self.template in GIVEN else self.head.inputs

    @property
    def picture_inputs(self) -> tuple[str, ...]:
        """Those of the inputs that hold the pictures of a text, and what goes with them."""
        return tuple(name for name in self.head.inputs if name not in (*TEXT_TENSORS, KINDS))

    @property
    def pictures(self) -> str:
        """How these pictures lie: "whole", "nested", "cut" or "patches"."""
        return self.head.pictures

    @property
    def grid(self) -> bool:
        """Whether pictures come cut into patches, with the number of patches down and across."""
        return any(name in PATCHES and name not in WHOLE for name in self.head.inputs)

    @property
    def turned(self) -> bool:
        """Whether a token has three places, in time, height and width, as pictures with a grid are told from text."""
        return "image_grid_thw" in self.head.inputs and KINDS in self.head.inputs

    @property
    def has_decoder(self) -> bool:
        """Whether the class is an encoder with a decoder behind it."""
        return "decoder_input_ids" in self.head.inputs

    @property
    def reads_texts(self) -> bool:
        """Whether its template gives it words alone, also where its class takes more."""
        return self.template in _OF_TEXTS

    @property
    def decides(self) -> bool:
        """Whether the class decides between options: such a one cannot say itself which weights it lacks."""
        return self.head.model.endswith("ForDecision")

    @property
    def compares(self) -> bool:
        """Whether its output says how alike two things are: by a scale that begins as zero."""
        return self.head.output.startswith("logits_") and "_per_" not in self.head.output

    @property
    def generates(self) -> bool:
        """Whether it writes its answer token by token, with a cache of what it has read."""
        speaks = self.task == "automatic-speech-recognition" and self.has_decoder
        return not (self.rereads or self.speaks) and (self.keeps or self.task in GENERATING or speaks)

    @property
    def keeps(self) -> bool:
        """Whether it is given arrays, and keeps what it has read of them."""
        return self.template == f"tasks/{KEEPING}"

    @property
    def rereads(self) -> bool:
        """Whether it writes its answer token by token, and keeps nothing of what it has read."""
        return self.template in (f"tasks/{WRITING}", f"tasks/{TRANSDUCING}")

    @property
    def speaks(self) -> bool:
        """Whether its class has no forward, and generates a sound."""
        return self.template == f"tasks/{SPEAKING}"

    @property
    def speech(self) -> PlannedSpeech:
        """How such a class is asked."""
        return PlannedSpeech(self.head)

    @property
    def towers(self) -> bool:
        """Whether its model is two towers that run by themselves: labels are encoded once, not for every image."""
        return self.task in TOWERED

    @property
    def method(self) -> str:
        """The method of the class that the task calls: "get_text_features"; "" for its forward."""
        return self.head.method

    @property
    def modality(self) -> str:
        """What a user asks about: "text", "image", "video", "audio" or "arrays".

        Candidate labels are options, not the input.
        """
        if self.template in GIVEN:
            return "arrays"
        if "pixel_values" in self.inputs:
            return "video" if "video" in self.task.split("-") else "image"
        return "audio" if self.sound else "text"

    @property
    def arrays(self) -> tuple[PlannedArray, ...]:
        """The inputs that are given as arrays; () where a processor makes them."""
        tensors = self.head.tensors if self.template in GIVEN else ()
        return tuple(PlannedArray(each, self.head.whole) for each in tensors)

    @property
    def structures(self) -> dict[str, Value]:
        """The inputs that are records of several of these arrays, with the fields of each."""
        return {name: list(fields) for name, fields in structures_in(self.head.inputs).items()}

    @property
    def drawn(self) -> bool:
        """Whether what the class draws at random shows in what comes of it."""
        return self.head.drawn

    @property
    def resized(self) -> bool:
        """Whether there is a second sample of another size."""
        return any(each.other_sizes for each in self.arrays)

    @property
    def packed(self) -> tuple[str, ...]:
        """Those of them that the class has one behind the other for all texts."""
        return tuple(each.name for each in self.arrays if each.tensor.packed)

    @property
    def whole(self) -> bool:
        """Whether they are those of a whole call, of which no row could be answered alone."""
        return self.head.whole and bool(self.arrays)

    @property
    def remembers(self) -> bool:
        """Whether what was read is kept as a state, and not token by token: a mask speaks of the new tokens alone."""
        return self.head.state

    @property
    def apart(self) -> bool:
        """Whether rows of unequal length are run apart, for what they were filled up with would change the result."""
        return self.head.apart

    @property
    def attention(self) -> str | None:
        """The implementation of attention that the class is loaded with; None is the fastest that it has."""
        return self.head.attention or None

    @property
    def runs_apart(self) -> bool:
        """Whether the handler sees to it: what decodes does so by itself, and what makes x-vectors is fed no mask."""
        return self.apart and not self.generates and self.task != "audio-xvector"

    @property
    def pooling(self) -> str:
        """How an image's vector comes from the output: "map", "first" or "mean"; "" where there is nothing to pool."""
        return self.head.pooling

    @property
    def draws_queries(self) -> bool:
        """Whether a segmentation's masks are those of queries, and not a label for each pixel."""
        return self.head.table == QUERY_MASKS

    @property
    def output(self) -> str:
        """The field of the model's output that the task reads."""
        return self.head.output

    @property
    def also(self) -> tuple[str, ...]:
        """The fields beside it that belong to the answer."""
        return self.head.also

    @property
    def outputs(self) -> tuple[str, ...]:
        """All fields of the answer."""
        return (self.output, *self.also)

    @property
    def field(self) -> str | int | None:
        """Where in the output it stands: a name, a place in a tuple, or None where the output is the tensor itself."""
        name, place = self._stands
        if name == "tensor":
            return None
        return place if name == "item" and place is not None else name

    @property
    def place(self) -> str | int | None:
        """Which of a tuple it is that the field holds, or of the output of a part; None of a tensor."""
        name, place = self._stands
        return None if name == "item" else place

    @property
    def path(self) -> tuple[str | int, ...]:
        """The way to it from the output: names and places."""
        return tuple(each for each in (self.field, self.place) if each is not None)

    @property
    def _stands(self) -> tuple[str, str | int | None]:
        part, _, own = self.head.output.partition("__")
        if part and own:
            return part, own
        name, _, place = self.head.output.rpartition("_")
        return (name, int(place)) if name and place.isdigit() else (self.head.output, None)

    @property
    def config(self) -> dict[str, Value]:
        """Keyword arguments that this head's configuration needs beside the type's own."""
        return dict(self.head.config)

    @property
    def settings(self) -> dict[str, Value]:
        """The same for a test's checkpoint, which has labels where their number is a choice."""
        return self.config | ({"num_labels": len(self.head.labels)} if self.head.labels else {})

    @property
    def function(self) -> Identifier:
        """The function that makes the steps: fill_mask."""
        return Identifier(self.head.function)

    @property
    def model_function(self) -> Identifier:
        """The function that loads the eager model: fill_mask_model."""
        return Identifier(f"{self.head.function}_model")

    @property
    def graph_function(self) -> Identifier:
        """The function that makes the graph: fill_mask_graph."""
        return Identifier(f"{self.head.function}_graph")

    @property
    def entry(self) -> Identifier:
        """The constant that holds the head: FILL_MASK."""
        return Identifier(self.head.function.upper())


@dataclass(frozen=True)
class PlannedBackend:
    """One backend of the module."""

    backend: Backend

    @property
    def name(self) -> str:
        """The backend: "openvino"."""
        return self.backend.value

    @property
    def loader(self) -> Identifier:
        """The function that loads a handler: load_openvino."""
        return Identifier(f"load_{self.name}")

    @property
    def exporter(self) -> Identifier:
        """The function that writes its bundle: export_openvino."""
        return Identifier(f"export_{self.name}")

    @property
    def is_exported(self) -> bool:
        """Whether it runs from a bundle."""
        return self.backend in EXPORTED

    @property
    def template(self) -> str:
        """The template that contributes it."""
        return f"hardware/{self.name}"


def given_arrays(spec: ModelSpec) -> bool:
    """Whether texts with pictures come to the type as arrays, as nobody wrote its processor in NumPy yet."""
    return (
        spec.processors.processor not in PICTURED
        and spec.modalities == ("text", "image")
        and any(takes_arrays(head) for head in spec.heads)
    )


def hearing(spec: ModelSpec) -> Identifier:
    """Return the class that makes a sound ready for the model."""
    extractor = spec.processors.feature_extractor
    if extractor in CODEC_EXTRACTORS:
        return Identifier("CodecInput")
    if extractor in FRAME_EXTRACTORS:
        return Identifier("FrameInput")
    return Identifier("ConvolvedInput" if spec.model_type in CONVOLUTIONS else "AudioInput")
