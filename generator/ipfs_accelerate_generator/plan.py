"""What will be in a module, decided before any text is made, from a spec, findings and templates alone.

Templates see these nouns: `plan` and `spec` everywhere, `head` in a task's template, `backend` in a
backend's. What a template needs to know is a property here, never a computation there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_generator.literals import Identifier
from ipfs_accelerate_generator.planned import (
    HEARD,
    IMAGE_TENSORS,
    SOUNDS,
    TEXT_TENSORS,
    Pair,
    PlannedBackend,
    PlannedHead,
)
from ipfs_accelerate_generator.prose import Prose
from ipfs_accelerate_generator.rename import HOME, SKILLS_PACKAGE, Origin, StandIns
from ipfs_accelerate_generator.spec import Head, ModelSpec
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.values import Value
from ipfs_accelerate_py.errors import AccelerateError
from ipfs_accelerate_py.hardware.backend import EXPORTED, GENERATED, TORCH_BACKENDS, Backend
from ipfs_accelerate_py.skills.audio_features import EXTRACTORS
from ipfs_accelerate_py.skills.codec_input import CODEC_EXTRACTORS
from ipfs_accelerate_py.skills.frame_features import FRAME_EXTRACTORS

PRECISION: Final = "float32"  # the one that modules are generated in; findings about others wait for theirs
SPELLING: Final = "Wav2Vec2CTCTokenizer"
ROUTES: Final = {
    Backend.OPENVINO: "convert_model",
    Backend.ONNXRUNTIME: "torchscript",
}  # is tried first unless a finding chooses another
_ENGINES: Final = {
    **dict.fromkeys(TORCH_BACKENDS, "torch"),  # what several backends share has a template of its own
    Backend.QUALCOMM: Backend.ONNXRUNTIME.value,
}


# What has the spine of another: a decoder of texts takes in what an encoder does, and a video is one of several kinds.
_SPINES: Final = {"text_generation": "embedding", "vision_video_encoder": "multimodal"}


class NoTemplate(AccelerateError, ValueError):
    """A model type that nobody wrote the templates for yet."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that decides a module and its test. `sources` is the digest of the files that say so."""

    spec: ModelSpec
    heads: tuple[PlannedHead, ...]
    backends: tuple[PlannedBackend, ...]
    untemplated: tuple[str, ...]
    """Tasks that the type has a head for and nobody wrote a template for."""
    left_out: tuple[Pair, ...] = ()
    expected_failures: tuple[Pair, ...] = ()
    variants: tuple[Pair, ...] = ()
    proved: tuple[Pair, ...] = ()
    spine: str = ""
    """The template that the module is built around: that of the subfamily or the family, or one that it shares."""
    engines: tuple[str, ...] = ()
    """Names of the hardware templates, in order: those that several backends share come first."""
    sources: str = field(default="", compare=False)

    @property
    def default_task(self) -> str:
        """The task of a loader that is not told one: the first."""
        return self.heads[0].task

    @property
    def exported(self) -> tuple[PlannedBackend, ...]:
        """The backends that have an export of their own, and those from whose bundle another one runs."""
        needed = {_ENGINES.get(each.backend, each.name) for each in self.backends if each.is_exported}
        return tuple(PlannedBackend(each) for each in EXPORTED if each.value in needed)

    @property
    def text_inputs(self) -> tuple[str, ...]:
        """The tensors that a tokenizer makes for any of the heads."""
        used = {name for head in self.heads for name in head.text_inputs}
        return tuple(name for name in TEXT_TENSORS if name in used)

    @property
    def audio_inputs(self) -> tuple[str, ...]:
        """The tensors that a feature extractor makes of a sound for any of the heads."""
        used = {name for head in self.heads for name in head.audio_inputs}
        return tuple(name for name in HEARD if name in used)

    @property
    def in_frames(self) -> bool:
        """Whether a sound is given as rows of bands, one for each frame."""
        return self.spec.processors.feature_extractor in FRAME_EXTRACTORS

    @property
    def sounds(self) -> Identifier:
        """The function that makes sounds of which what transformers makes is heard to the last row."""
        return Identifier("sounds_of_whole_frames" if self.in_frames else "sounds")

    @property
    def spells(self) -> bool:
        """Whether what is heard frame by frame is written in letters, by the rules of wav2vec2's tokenizer."""
        return self.spec.processors.tokenizer == SPELLING

    @property
    def hears(self) -> Identifier:
        """The class that makes a sound ready for the model."""
        if self.in_codes:
            return Identifier("CodecInput")
        return Identifier("FrameInput" if self.in_frames else "AudioInput")

    @property
    def in_codes(self) -> bool:
        """Whether sounds become codes, and codes sounds."""
        return self.spec.processors.feature_extractor in CODEC_EXTRACTORS

    @property
    def in_pictures(self) -> bool:
        """Whether there are always as many of these rows."""
        return self.in_frames and FRAME_EXTRACTORS[self.spec.processors.feature_extractor].fixed

    @property
    def image_inputs(self) -> tuple[str, ...]:
        """The tensors that an image processor makes for any of the heads."""
        used = {name for head in self.heads for name in head.inputs}
        return tuple(name for name in IMAGE_TENSORS if name in used)

    @property
    def asks_about(self) -> tuple[str, ...]:
        """The modalities that the tasks ask about, each once."""
        return tuple(dict.fromkeys(head.modality for head in self.heads))

    @property
    def tiny_image_size(self) -> int:
        """The size of the images that the tiny configuration takes; where it takes any, twice what a pyramid needs."""
        found: object = self.spec.tiny if self.spec.limits.image else None
        for key in self.spec.limits.image.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, int) else 64

    @property
    def has_learned_grid(self) -> bool:
        """Whether a tower of patches has learned positions on a square grid."""
        return "num_position_embeddings" in self._tower

    @property
    def has_deep_pictures(self) -> bool:
        """Whether early layers of the decoder take more of a picture than the vectors in the text."""
        return "deepstack_visual_indexes" in self._tower

    @property
    def _tower(self) -> Mapping[str, Value]:
        found = self.spec.tiny.get("vision_config", {})
        return found if isinstance(found, Mapping) else {}

    @property
    def decodes(self) -> bool:
        """Whether every token sees those before it only, so that a text is judged by its last."""
        return self.spec.subfamily == "text-decoder" or self.spec.subfamily.endswith("image-to-text")

    @property
    def generates(self) -> bool:
        """Whether any head writes its answer token by token."""
        return any(head.generates for head in self.heads)

    @property
    def towers(self) -> bool:
        """Whether any head is made of towers."""
        return any(head.towers for head in self.heads)

    @property
    def openvino_route(self) -> str:
        """The way to OpenVINO's bundle that is tried first."""
        return self._route(Backend.OPENVINO)

    @property
    def onnx_route(self) -> str:
        """The way to ONNX Runtime's bundle that is tried first."""
        return self._route(Backend.ONNXRUNTIME)

    def _route(self, backend: Backend) -> str:
        chosen = (dict(pair.choices).get("route") for pair in self.variants if pair.backend == backend)
        return next((route for route in chosen if route), ROUTES[backend])

    def stand_ins(self, head: PlannedHead | None = None) -> StandIns:
        """Return what the stand-ins mean in the template of `head`, or in one that is not a task's."""
        spec, parts = self.spec, self.spec.processors

        def part(name: str) -> Origin | None:
            return Origin(HOME, name) if name else None

        return StandIns(
            skill=Origin(SKILLS_PACKAGE, f"hf_{spec.stem}"),
            model=head.origin if head else None,
            config=Origin(spec.module, spec.config),
            tokenizer=part(parts.tokenizer),
            image_processor=part(parts.image_processor),
            feature_extractor=part(parts.feature_extractor),
            video_processor=part(parts.video_processor),
            processor=part(parts.processor),
        )

    @cached_property
    def prose(self) -> Prose:
        """What the docstrings and comments of any template may say."""
        spec = self.spec
        return {
            "title": spec.title,
            "model_type": spec.model_type,
            "family": spec.family,
            "modalities": ", ".join(spec.modalities),
            "subfamily": spec.subfamily,
            "config": spec.config,
            "origin": spec.module,
            "tokens_field": spec.limits.tokens,
            "image_field": spec.limits.image,
            "audio_field": spec.limits.audio,
            "tasks": ", ".join(f"{head.task} ({head.model})" for head in self.heads),
            "backends": ", ".join(each.name for each in self.backends),
            "left_out": tuple(pair.sentence for pair in self.left_out),
            "expected_failures": tuple(pair.sentence for pair in self.expected_failures),
            "variants": tuple(pair.sentence for pair in self.variants),
            "without_template": self.untemplated,
            "unproved": tuple(f"{each.task} ({each.model}): {each.reason}" for each in spec.unproved),
        }

    def prose_of(self, place: PlannedHead | str) -> Prose:
        """Return what the template of a head, or of a backend's name, may say: "" for what backends share."""
        if isinstance(place, str):
            return {**self.prose, "backend": place}
        return {
            **self.prose,
            "task": place.task,
            "model": place.head.model,
            "inputs": ", ".join(place.inputs),
            "output": place.output,
        }


def plan(
    spec: ModelSpec,
    findings: Sequence[Finding],
    templates: Templates,
    *,
    sources: str = "",
    backends: Collection[Backend] = GENERATED,
) -> Plan:
    """Return what the module of `spec` will hold: each task and backend with a template, unless left out.

    Of the backends it holds no other than `backends`.

    Raises:
        NoTemplate: nobody wrote a template for the family, or for any of the tasks.
    """
    spine = _spine(spec, templates)
    if f"families/{spine}" not in templates:
        raise NoTemplate(f"{spec.model_type}: there is no template for the family {spec.family!r} yet")
    heads = [head for head in spec.heads if _template(spec, head, templates)]
    if not heads:
        raise NoTemplate(
            f"{spec.model_type}: there is no template for any of its tasks yet: {', '.join(spec.tasks)}"
        )
    candidates = [each for each in GENERATED if each in backends and f"hardware/{each.value}" in templates]
    known = {(head.task, backend.value): None for head in heads for backend in candidates}
    pairs = {effect: _pairs(findings, effect, known) for effect in Effect}
    left_out = {(pair.task, pair.backend) for pair in pairs[Effect.LEAVE_OUT]}
    offered = {task_backend for task_backend in known if task_backend not in left_out}
    loaders = tuple(
        PlannedBackend(backend) for backend in candidates if any(name == backend for _, name in offered)
    )
    planned = tuple(
        _head(spec, head, candidates, offered, _template(spec, head, templates)) for head in heads
    )
    return Plan(
        spec=spec,
        heads=planned,
        backends=loaders,
        untemplated=tuple(head.task for head in spec.heads if head not in heads),
        left_out=pairs[Effect.LEAVE_OUT],
        expected_failures=pairs[Effect.EXPECT_FAILURE],
        variants=pairs[Effect.VARIANT],
        proved=pairs[Effect.PROVED],
        engines=_engines(loaders, templates, _forms(planned)),
        spine=spine,
        sources=sources,
    )


def _spine(spec: ModelSpec, templates: Templates) -> str:
    """Return the name of the template for the subfamily, such as "multimodal_text_image_to_text", or for the family.

    A family without one may share that of another.
    """
    own = f"{spec.family}_{spec.subfamily.replace('-', '_')}"
    names = (own, _SPINES.get(own, ""), spec.family, _SPINES.get(spec.family, ""))
    return next((name for name in names if f"families/{name}" in templates), "")


def _pairs(findings: Sequence[Finding], effect: Effect, known: Iterable[tuple[str, str]]) -> tuple[Pair, ...]:
    """Return what `findings` say with `effect` about pairs that the module has, in the module's order."""
    said = {
        (finding.task, finding.backend.value): finding
        for finding in findings
        if finding.effect is effect and finding.precision == PRECISION
    }
    found = ((place, said[place]) for place in known if place in said)
    return tuple(
        Pair(task, backend, finding.reason, tuple(sorted(finding.variant.items())), finding.difference)
        for (task, backend), finding in found
    )


def _template(spec: ModelSpec, head: Head, templates: Templates) -> str:
    """Return the template of `head`, or "" if there is none.

    Where several tables lead to one task, each kind of class may have a template of its own, which goes first:
    "tasks/automatic_speech_recognition_ctc" is for the classes of MODEL_FOR_CTC_MAPPING_NAMES. So may a task that is
    given a sound where others are given a text: "tasks/feature_extraction_audio".
    """
    sounds = any(name in head.inputs for name in SOUNDS)
    if sounds and spec.processors.feature_extractor not in {
        *EXTRACTORS,
        *FRAME_EXTRACTORS,
        *CODEC_EXTRACTORS,
    }:
        return ""  # nobody wrote its features in NumPy yet
    if spec.modalities == ("audio",) and "input_ids" in head.inputs and head.task != "text-generation":
        return ""  # what audio types are given is sound; a decoder alone continues a text
    if sounds and head.task == "feature-extraction" and head.output == "logits":
        return ""  # the table of bare models names the class of another task again, which gives no vectors
    if head.task == "any-to-any" and not _is_pictured_text(spec, head):
        return ""  # nobody wrote its sounds and videos yet
    if spec.modalities == ("video",) and not spec.processors.image_processor:
        return ""  # torchvision alone makes its frames
    kind = head.table.removeprefix("MODEL_FOR_").removesuffix("_MAPPING_NAMES").lower()
    names = [f"tasks/{head.function}_{kind}", f"tasks/{head.function}"]
    if sounds:
        names.insert(1, f"tasks/{head.function}_audio")
    if sounds and kind == "ctc" and spec.processors.tokenizer != SPELLING:
        names = [f"{names[0]}_pieces"]  # of words, and not letters
    return next((name for name in names if name in templates), "")


def _is_pictured_text(spec: ModelSpec, head: Head) -> bool:
    """Whether `head` answers texts with pictures, and its class does so as image-text-to-text, too."""
    same = any(other.task == "image-text-to-text" and other.model == head.model for other in spec.heads)
    return same and spec.modalities == ("text", "image")


def _head(
    spec: ModelSpec, head: Head, candidates: Sequence[Backend], offered: set[tuple[str, str]], template: str
) -> PlannedHead:
    backends = tuple(backend.value for backend in candidates if (head.task, backend.value) in offered)
    return PlannedHead(head, Origin(spec.module_of(head), head.model), backends, template)


def _forms(heads: Iterable[PlannedHead]) -> tuple[str, ...]:
    """Return the forms of heads that a backend may have a template of its own for."""
    planned = tuple(heads)
    generates, towers = (any(head.generates for head in planned), any(head.towers for head in planned))
    return (*(("generation",) if generates else ()), *(("towers",) if towers else ()))


def _engines(
    backends: Iterable[PlannedBackend], templates: Templates, forms: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the hardware templates that `backends` need, each after what it shares with others.

    A module that generates takes `openvino_generation` beside `openvino`, where there is such a template, and one with
    towers `openvino_towers`.
    """
    names: dict[str, None] = {}
    for each in backends:
        for name in (f"hardware/{_ENGINES.get(each.backend, '')}", each.template):
            if name in templates:
                names[name] = None
            names.update({f"{name}_{form}": None for form in forms if f"{name}_{form}" in templates})
    return tuple(names)
