"""What will be in a module, decided before any text is made, from a spec, findings and templates alone.

Templates see `plan` and `spec`, a task's its `head`, too, and a backend's its `backend`. What a template needs to
know is a property here, never a computation there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ipfs_accelerate_generator.choice import SPELLING, spine, templates_of
from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_generator.given import TEMPLATE, why
from ipfs_accelerate_generator.literals import Identifier
from ipfs_accelerate_generator.planned import (
    HEARD,
    IMAGE_TENSORS,
    SEEN,
    TEXT_TENSORS,
    Pair,
    PlannedBackend,
    PlannedHead,
    hearing,
)
from ipfs_accelerate_generator.prose import Prose
from ipfs_accelerate_generator.rename import HOME, SKILLS_PACKAGE, Origin, StandIns
from ipfs_accelerate_generator.spec import PLAIN, Head, ModelSpec
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.values import Value
from ipfs_accelerate_py.errors import AccelerateError
from ipfs_accelerate_py.hardware.backend import EXPORTED, GENERATED, TORCH_BACKENDS, Backend
from ipfs_accelerate_py.skills.codec_input import CODEC_EXTRACTORS
from ipfs_accelerate_py.skills.frame_features import FRAME_EXTRACTORS
from ipfs_accelerate_py.skills.own_classes import ROUNDED_DOWN, SHAPE_KEPT, STEPS
from ipfs_accelerate_py.skills.preprocessing import stem

PRECISION: Final = "float32"  # the one that modules are generated in; findings about others wait for theirs
ROUTES: Final = {
    Backend.OPENVINO: "convert_model",
    Backend.ONNXRUNTIME: "torchscript",
}  # is tried first unless a finding chooses another
_ENGINES: Final = {
    **dict.fromkeys(TORCH_BACKENDS, "torch"),  # what several backends share has a template of its own
    Backend.QUALCOMM: Backend.ONNXRUNTIME.value,
}


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
        return tuple(name for name in TEXT_TENSORS if any(name in head.text_inputs for head in self.heads))

    @property
    def audio_inputs(self) -> tuple[str, ...]:
        """The tensors that a feature extractor makes of a sound for any of the heads."""
        return tuple(name for name in HEARD if any(name in head.audio_inputs for head in self.heads))

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
        return hearing(self.spec)

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
        return tuple(name for name in IMAGE_TENSORS if any(name in head.image_inputs for head in self.heads))

    @property
    def asks_about(self) -> tuple[str, ...]:
        """The modalities that the tasks ask about, each once."""
        return tuple(dict.fromkeys(head.modality for head in self.heads))

    @property
    def tiny_image_size(self) -> int:
        """The size of the tiny configuration's images: twice a pyramid's if it takes any, 0 if it does not say."""
        found: object = self.spec.tiny if self.spec.limits.image else None
        for key in self.spec.limits.image.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        found = found[0] if isinstance(found, list) and found else found
        return found if isinstance(found, int) else 0 if self.spec.limits.image else 64

    @property
    def image_reader(self) -> Identifier:
        """The class that makes images ready: one of its own where the type's image processor has steps of its own."""
        return Identifier("OwnImages" if self._images in STEPS else "ImageInput")

    @property
    def shrinks_to_nothing(self) -> bool:
        """Whether the type's image processor rounds the sides of an image down, and those of a small one to nothing."""
        return self._images in ROUNDED_DOWN

    @property
    def shown(self) -> Identifier:
        """The function of the tests' pictures: all alike where those of two shapes cannot be in one batch.

        They cannot where the type's image processor keeps the shape and no mask says where an image ends.
        """
        keeps = self._images in SHAPE_KEPT and "pixel_mask" not in self.image_inputs
        return Identifier("pictures_alike" if keeps else "pictures")

    @property
    def detection(self) -> Identifier:
        """The function that words a detector's objects as the type's image processor does."""
        return Identifier("of_pairs" if self._images == "RTDetr" else "detected")

    @property
    def _images(self) -> str:
        return stem(self.spec.processors.image_processor)

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
    def asks_for_objects(self) -> bool:
        """Whether any head looks for what texts name."""
        return any(head.task in SEEN and not head.arrays for head in self.heads)

    @property
    def beside(self) -> bool:
        """Whether some heads are given arrays, beside others that are given a text, a picture or a sound."""
        return self.spine != TEMPLATE and bool(self.given)

    @property
    def given(self) -> tuple[str, ...]:
        """The tasks that are given arrays."""
        return tuple(head.task for head in self.heads if head.arrays)

    @property
    def generates(self) -> bool:
        """Whether any head writes its answer token by token."""
        return any(head.generates for head in self.heads)

    @property
    def towers(self) -> bool:
        """Whether any head is made of towers."""
        return any(head.towers for head in self.heads)

    @property
    def whole(self) -> bool:
        """Whether any head is given the arrays of a whole call, in which nothing is a row."""
        return any(head.whole for head in self.heads)

    @property
    def forward(self) -> Identifier:
        """The function that a backend computes with: of whole calls one after the other."""
        return Identifier("apart" if self.whole else "forward")

    @property
    def continues(self) -> bool:
        """Whether any head writes token by token what follows arrays."""
        return any(head.rereads or head.keeps for head in self.heads)

    @property
    def handler(self) -> Identifier:
        """The class of handlers: one that runs rows as steps say, or apart, where any head asks for it."""
        apart = "Apart" if any(head.runs_apart for head in self.heads) else ""
        usual = "Rereader" if any(head.rereads or head.speaks for head in self.heads) else "Handler"
        return Identifier(apart + usual)

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
            task=head.function if head else "",
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
            "plain": tuple(head.task for head in self.heads if head.attention == PLAIN),
            "without_template": self.untemplated,
            "given": tuple(why(spec, head.head) for head in self.heads if head.arrays),
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
            "output": ", ".join(place.outputs),
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
    chosen = templates_of(spec, templates)
    own_spine = spine(spec, templates, chosen)
    if f"families/{own_spine}" not in templates:
        raise NoTemplate(f"{spec.model_type}: there is no template for the family {spec.family!r} yet")
    heads = [head for head in spec.heads if head.task in chosen]
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
    planned = tuple(_head(spec, head, candidates, offered, chosen[head.task]) for head in heads)
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
        spine=own_spine,
        sources=sources,
    )


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


def _head(
    spec: ModelSpec, head: Head, candidates: Sequence[Backend], offered: set[tuple[str, str]], template: str
) -> PlannedHead:
    backends = tuple(backend.value for backend in candidates if (head.task, backend.value) in offered)
    return PlannedHead(head, Origin(spec.module_of(head), head.model), backends, template)


def _forms(heads: Sequence[PlannedHead]) -> tuple[str, ...]:
    """Return the forms of heads that a backend may have a template of its own for."""
    generates, towers = (any(head.generates for head in heads), any(head.towers for head in heads))
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
