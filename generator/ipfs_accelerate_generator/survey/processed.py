"""Whether transformers' own processor of a type can be made offline, and what its heads take is what it makes.

The small processor is made of a small tokenizer and of defaults that follow the small configuration. What stands for a
picture or a sound in a text, and as how many tokens, differs from type to type: a few ways are tried in turn, and of
numbers that a model refuses the one that it asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from typing import Any, Final

from ipfs_accelerate_generator.given import TRANSDUCERS, takes_arrays
from ipfs_accelerate_generator.planned import given_arrays
from ipfs_accelerate_generator.spec import Head, ModelSpec, Processing
from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.proof import WRITING
from ipfs_accelerate_generator.survey.shape import IMAGE_SIZES, number
from ipfs_accelerate_generator.survey.subject import SurveyError
from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.evidence import processors
from ipfs_accelerate_py.evidence.comparison import TOLERANCE
from ipfs_accelerate_py.evidence.processed import tensors
from ipfs_accelerate_py.skills.own_processor import AUDIO, IMAGES, PAIR, START, TEXT, prepared

_TASKS: Final = (
    "image-text-to-text",
    "any-to-any",
    "automatic-speech-recognition",
    "text2text-generation",
    "feature-extraction",
)
"""Those that are asked about a text with what goes with it, the ones that write first."""
_SENSES: Final[Mapping[str, tuple[str, str]]] = {IMAGES: ("image", "i"), AUDIO: ("audio", "a")}
_HEARD: Final = frozenset({"input_features", "input_values", "audio_values", "input_audio_features"})
_COUNTS: Final = (
    "image_seq_length",
    "image_seq_len",
    "num_image_tokens",
    "image_token_len",
    "num_img_tokens",
)
_COUNTED: Final = re.compile(r"tokens:? (\d+),? .*features:? (\d+)")
_TRIES: Final = 4
_GAIN: Final = 4.0
"""Of the weights: as they are drawn, what a model does not do without its `token_type_ids` is lost in the rest."""
_WHOLE: Final = ("whole", "nested", "tiled")


@dataclass(frozen=True)
class Way:
    """One way to give a type's processor something: what it takes, and the arguments of its class."""

    processing: processors.Processing
    made: processors.Own


def processing(spec: ModelSpec) -> Processing:
    """Return what the processor of the type is given, and the tasks of `spec` that answer what it makes.

    It is empty where the type has no processor, none can be made offline, or no head that is given arrays takes what
    it makes and nothing else that matters.
    """
    heads = [head for task in _TASKS for head in spec.heads if head.task == task and _asked(spec, head)]
    if not spec.processors.processor or not heads:
        return Processing()
    with suppress(*FOREIGN, LookupError):
        for way in _ways(spec, heads[0]):
            tasks = tuple(head.task for head in heads if answers(spec, head, way))
            if tasks:
                told = way.processing
                return Processing(
                    tasks=tasks, takes=told.takes, prompt=told.prompt, settings=dict(told.settings)
                )
    return Processing()


def _asked(spec: ModelSpec, head: Head) -> bool:
    """Whether `head` is given arrays, and is about more than texts alone."""
    if head.table in TRANSDUCERS:
        return False  # what a pass of theirs gives depends on what was written, which tests of theirs say
    pictured = given_arrays(spec) and takes_arrays(head)
    return (
        bool(head.tensors or pictured)
        and not head.method
        and len(takes_of(head)) + ("input_ids" not in head.inputs) > 1
    )


def takes_of(head: Head) -> tuple[str, ...]:
    """Return what the inputs of `head` are made of: some of "text", "images" and "audio"."""
    pictures = any("pixel" in name or "patches" in name for name in head.inputs)
    sounds = bool(_HEARD.intersection(head.inputs))
    text = "input_ids" in head.inputs
    return (*((TEXT,) if text else ()), *((IMAGES,) if pictures else ()), *((AUDIO,) if sounds else ()))


def _ways(spec: ModelSpec, head: Head) -> Iterator[Way]:
    """Yield the ways in turn; behind one whose number of tokens the model refuses, that with the number it asks for."""
    takes = takes_of(head)
    first = _way(spec, takes, "", {})
    for prompt in dict.fromkeys(_prompts(first.made.processor, takes)):
        settings: dict[str, Any] = {}
        for _ in range(_TRIES):
            way = _way(spec, takes, prompt, settings)
            yield way
            wanted = _wanted(spec, head, way)
            if wanted is None or settings == wanted:
                break
            settings = wanted


def _way(spec: ModelSpec, takes: tuple[str, ...], prompt: str, settings: Mapping[str, Any]) -> Way:
    made = spec.processors
    told = processors.Processing(
        processor=made.processor,
        image_processor=made.image_processor,
        feature_extractor=made.feature_extractor,
        tokenizer=made.tokenizer or "TokenizersBackend",
        takes=takes,
        prompt=prompt,
        settings=dict(settings),
    )
    config = getattr(import_module(spec.module), spec.config)
    return Way(
        told, processors.own(told, spec.tiny, config, vocabulary=spec.vocabulary, places=spec.limits.tokens)
    )


def _prompts(processor: Any, takes: tuple[str, ...]) -> Iterator[str]:
    """Yield what may stand before a text: the token of each thing, that between those around it, none, and a tag."""
    senses = [_SENSES[each] for each in takes if each in _SENSES]

    def token(*names: str) -> str:
        for owner in (processor, processor.tokenizer):
            for name in names:
                found = getattr(owner, name, None)
                found = getattr(found, "content", found)
                if isinstance(found, str):
                    return found
        return ""

    yield "".join(token(f"{name}_token") for name, _ in senses)
    yield "".join(
        token(f"{name}_start_token", f"bo{letter}_token")
        + token(f"{name}_token")
        + token(f"{name}_end_token", f"eo{letter}_token")
        for name, letter in senses
    )
    yield ""
    yield "".join(token(f"bo{letter}_token") for _, letter in senses)
    yield "".join(f"<{name}>" for name, _ in senses)


def _wanted(spec: ModelSpec, head: Head, way: Way) -> dict[str, Any] | None:
    """Return the settings with which a text has as many tokens for a picture as the model says that it wants."""
    processor = way.made.processor
    takes = signature(type(processor).__init__).parameters
    name = next((each for each in _COUNTS if each in takes), None)
    if name is None:
        return None
    try:
        _output(
            head,
            drawn(spec, head, way.made.config, _GAIN),
            made_by(way, processors.asked(way.processing)[0], head),
        )
    except (InputError, *FOREIGN) as error:
        told = _COUNTED.search(str(error))
    else:
        return None
    now = way.processing.settings.get(name) or getattr(processor, name, None) or takes[name].default
    if told is None or not int(told[1]) or not isinstance(now, int):
        return None
    wanted = max(now * int(told[2]) // int(told[1]), 1)
    if wanted == now:  # some models compare numbers of tokens with numbers of values
        width = processors.laid_flat(way.made.config, first="text").get("hidden_size")
        wanted = now // width if isinstance(width, int) and now >= width else now
    return {**way.processing.settings, name: wanted}


def answers(spec: ModelSpec, head: Head, way: Way) -> bool:
    """Whether `head` gives the same of what it takes of the processor's arrays as of all that its class would take."""
    if takes_of(head) != tuple(each for each in way.processing.takes if each != PAIR):
        return False
    try:
        model = drawn(spec, head, way.made.config, _GAIN)
        for item in processors.asked(way.processing):
            given = made_by(way, item, head)
            told = {name: value for name, value in given.items() if name in head.inputs}
            if not set(head.inputs) <= {*told, START} or not _fits(spec, head, way, told):
                return False
            every, alone = _output(head, model, given), _output(head, model, told)
            apart = float((every - alone).abs().max()) / max(float(every.abs().max()), 1e-9)
            if not bool(every.isfinite().all()) or apart > TOLERANCE:
                return False
    except (InputError, SurveyError, *FOREIGN):
        return False
    return True


def made_by(way: Way, item: Mapping[str, Any], head: Head) -> dict[str, Any]:
    """Return the arrays that the processor makes of `item` for `head`."""
    return tensors(prepared(way.made.processor, item, head.inputs))


def drawn(spec: ModelSpec, head: Head, fields: Mapping[str, Any], gain: float) -> Any:
    """Return the class of `head`, configured by `fields`, with random weights times `gain`: the same ones each time."""
    import torch

    torch.manual_seed(0)
    config = getattr(import_module(spec.module), spec.config)(**{**fields, **head.config})
    model = getattr(import_module(spec.module_of(head)), head.model)(config).eval()
    if head.attention:
        model.set_attn_implementation(head.attention)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(gain)
    return model


def _output(head: Head, model: Any, given: Mapping[str, Any]) -> Any:
    """Return what the `model` of `head` makes of the arrays `given` that it takes.

    Where it writes, these are the logits of the first token: some read a text otherwise when they write.
    """
    import torch

    takes = signature(model.forward).parameters
    arguments = {name: value for name, value in given.items() if name in takes}
    if START in head.inputs and START not in arguments:
        arguments[START] = torch.ones((1, 1), dtype=torch.long)
    with torch.inference_mode():
        if head.task not in WRITING or not model.can_generate():
            return model(**arguments)[head.output].float()
        told = model.generate(  # a second one, as some classes refuse what they wrote themselves
            **arguments, max_new_tokens=2, do_sample=False, output_logits=True, return_dict_in_generate=True
        )
    read = arguments.get("input_ids")
    if read is not None and not model.config.is_encoder_decoder and not _goes_on(told.sequences, read):
        raise SurveyError(f"{head.model}: generate() does not go on from all of what it was given")
    return told.logits[0].float()


def _goes_on(written: Any, read: Any) -> bool:
    """Whether what was `written` begins with all that was `read`: some leave out the token that ends a text."""
    return written.shape[1] > read.shape[1] and bool((written[:, : read.shape[1]] == read).all())


def _fits(spec: ModelSpec, head: Head, way: Way, told: Mapping[str, Any]) -> bool:
    """Whether the arrays have the sizes that the head takes; without a sample of arrays, pictures have the model's."""
    if not sized(head, told):
        return False
    if head.tensors or head.pictures not in _WHOLE or "pixel_values" not in told:
        return True
    config = getattr(import_module(spec.module), spec.config)(**spec.tiny)
    edge = number(config, IMAGE_SIZES, 0)
    return not edge or tuple(told["pixel_values"].shape[-2:]) == (edge, edge)


def sized(head: Head, told: Mapping[str, Any]) -> bool:
    """Whether the arrays have the sizes of the sample's, but for axes that vary; of a row there is one."""
    for tensor in head.tensors:
        if tensor.name not in told:
            continue
        shape = tuple(told[tensor.name].shape)
        rows = not (head.whole or tensor.packed)
        if len(shape) != len(tensor.shape) or (rows and shape[0] != 1):
            return False
        if any(
            found != size
            for axis, (found, size) in enumerate(zip(shape, tensor.shape, strict=True))
            if axis not in tensor.vary and not (rows and axis == 0)
        ):
            return False
    return True
