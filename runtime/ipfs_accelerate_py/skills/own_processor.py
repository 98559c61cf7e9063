"""What transformers' own processor of a type makes of a text with pictures or sounds, for heads that take arrays.

Where nobody wrote the steps of a processor in NumPy, a head takes arrays by name. A handler that is `reading` takes a
text, pictures and sounds as well: the checkpoint's own processor makes the arrays of them, with transformers imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from types import MethodType
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.errors import BackendError, CheckpointError, InputError, unknown
from ipfs_accelerate_py.skills import audio_file, image_file
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.calls import WRITTEN
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.head import Answer, Example, Options, Steps
from ipfs_accelerate_py.skills.own_tokenizer import tokenizer_of
from ipfs_accelerate_py.skills.resampling import resampled
from ipfs_accelerate_py.skills.shown_arrays import KINDS

TEXT: Final = "text"
PAIR: Final = "text_pair"
"""A second text behind the first: what a question is about, or what is said of a text."""
IMAGES: Final = "images"
AUDIO: Final = "audio"
MESSAGES: Final = "messages"
TAKES: Final = (TEXT, PAIR, MESSAGES, IMAGES, AUDIO)
"""What an item that is no arrays says, by these names."""

FILMS: Final = "video_processor"
"""The part of a processor that is for films."""
START: Final = "decoder_input_ids"
"""What a decoder begins with, which no processor makes."""
LABELS: Final = "labels"
"""What some processors make of a text that a model is to learn."""
REFUSED: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError)
"""What processors raise at a text that does not fit its pictures, and at a picture that they cannot take."""


@dataclass(frozen=True)
class _Read(Example):
    """One input that the processor made ready: what is written after it is worded by the processor, too."""


class OwnProcessor:
    """The processor in a checkpoint's folder, and the arrays that a head takes, by name with their numbers of axes."""

    def __init__(self, checkpoint: Checkpoint, axes: Mapping[str, int]) -> None:
        self.checkpoint = checkpoint
        self.axes = axes

    @cached_property
    def loaded(self) -> Any:
        """The processor, as transformers loads it, without its part for films; the tokenizer of a type of texts alone.

        Raises:
            BackendError: transformers is not installed.
            CheckpointError: the type has no processor, or the checkpoint does not hold it whole.
        """
        try:
            import transformers
            from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES
        except ModuleNotFoundError as error:
            raise BackendError(
                f"{error.name} is not installed, and the processor of {self.checkpoint.name} needs it; "
                "python -m pip install 'ipfs_accelerate_py[torch]', or give arrays"
            ) from error
        folder, kind = self.checkpoint.folder, self.checkpoint.model_type
        name = PROCESSOR_MAPPING_NAMES.get(kind)
        if not name and "input_ids" in self.axes:
            return tokenizer_of(self.checkpoint)
        if not name:
            raise CheckpointError(
                f"{folder}: transformers has no processor for {kind}; give arrays: {', '.join(self.axes)}"
            )
        try:
            found = without_films(getattr(transformers, name))
            return found.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except (OSError, ImportError, *REFUSED) as error:
            raise CheckpointError(
                f"{folder}: its {name} cannot be loaded: {first_line(error)}; fetch the checkpoint again with its "
                "processor_config.json, or give arrays"
            ) from error

    def arrays(self, made: Mapping[str, Any], index: int | None = None) -> dict[str, Array]:
        """Return the arrays that the head takes, of all that was `made` of an item.

        Raises:
            InputError: the processor made too little of it.
        """
        return {name: self._array(name, made, index) for name in self.axes}

    def told(self, item: Any) -> Any:
        """Return `item`, a text by itself as a mapping."""
        return {TEXT: item} if isinstance(item, str) else item

    def made(self, item: Mapping[str, Any], index: int | None = None) -> Mapping[str, Any]:
        """Return all that the processor makes of `item`; see `prepared`."""
        return prepared(self.loaded, item, self.axes, index)

    def start(self) -> int:
        """Return the token that a decoder begins with: it stands in the checkpoint, and no processor says it.

        Raises:
            InputError: the checkpoint does not say it.
        """
        for field in ("decoder_start_token_id", "bos_token_id"):
            if (place := self.checkpoint.number(field)) is not None:
                return int(place)
        raise InputError(f"the checkpoint does not say what {START} begin with; give arrays")

    def unproved(self, made: Mapping[str, Any]) -> str:
        """Return what a user should know who relies on a processor that is not proved: what it `made` for nothing."""
        unused = [name for name in made if name not in self.axes]
        left_out = f"; of what it made, {', '.join(unused)} went unused" if unused else ""
        return (
            f"it is not proved that this task answers what {self._name} makes as transformers does{left_out}"
        )

    def worded(self, tokens: Sequence[int]) -> str:
        """Return the text of `tokens`."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))

    @property
    def _name(self) -> str:
        return type(self.loaded).__name__

    @property
    def _tokenizer(self) -> Any:
        return getattr(self.loaded, "tokenizer", self.loaded)

    def _array(self, name: str, made: Mapping[str, Any], index: int | None) -> Array:
        """Return what was `made` as the array `name` of one item: rows of one text have no axis of texts."""
        if name not in made:
            if name == START:
                return np.asarray([self.start()], dtype=np.int64)
            raise InputError(
                f"the checkpoint's {self._name} made {', '.join(made) or 'nothing'} of it, and no {name}; say more, "
                f"such as {IMAGES} or {AUDIO}, or give arrays",
                index=index,
            )
        value = made[name]
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
        array = array.astype(np.int64) if array.dtype.kind == "b" else array
        if array.ndim == self.axes[name] + 1 and array.shape[0] == 1:
            return np.asarray(array[0])
        return array


def reading(
    handler: Handler, checkpoint: Checkpoint, *, proved: bool = True, own: OwnProcessor | None = None
) -> Handler:
    """Let `handler`, whose head takes arrays by name, take what the processor of `checkpoint` makes them of, too.

    An item is a text or a mapping with some of `TAKES`; what is written after it is answered as a text, too. Where it
    is not `proved` that the head answers what that processor makes as transformers does, each answer says so. A handler
    of another head is left as it is.
    """
    axes = arrays_of(handler.steps)
    if not axes:
        return handler
    own, steps = own or OwnProcessor(checkpoint, axes), handler.steps

    def prepare(items: Sequence[Any], options: Options) -> list[Example]:
        found: list[Example] = []
        for index, item in enumerate(items):
            told = own.told(item)
            if not (isinstance(told, Mapping) and told and not axes.keys() & told.keys()):
                found += _placed(steps, item, options, index)
                continue
            made = own.made(told, index)
            arrays = own.arrays(made, index)
            notice = None if proved else own.unproved(made)
            found += [_read(each, notice) for each in _placed(steps, arrays, options, index)]
        return found

    def present(example: Example, rows: Sequence[Mapping[str, Array]], options: Options) -> Answer:
        answer = steps.present(example, rows, options)
        if isinstance(example, _Read) and "tokens" in answer and "text" not in answer:
            answer["text"] = own.worded(answer["tokens"])
        return answer

    handler.steps = replace(steps, prepare=prepare, present=present)
    return handler


def _read(example: Example, notice: str | None) -> _Read:
    values = {each.name: getattr(example, each.name) for each in fields(Example)}
    return _Read(**{**values, "notice": "; ".join(filter(None, (example.notice, notice))) or None})


def _placed(steps: Steps, item: Any, options: Options, index: int) -> list[Example]:
    """Return `item` made ready; an error says which of the call's inputs it is."""
    try:
        return steps.prepare([item], options)
    except InputError as error:
        raise InputError(error.fact, index=index if error.index is not None else None) from error


def arrays_of(steps: Steps) -> dict[str, int]:
    """Return how many axes each array has that a head with these `steps` takes by name; {} of a head that takes none.

    What a sample says beside the arrays is a single number.
    """
    sample = steps.sample[0] if steps.sample else None
    if not isinstance(sample, Mapping):
        return {}
    found = {str(name): each.ndim for name, each in sample.items() if isinstance(each, np.ndarray)}
    found.pop(WRITTEN, None)  # what was written already, of which a processor knows nothing
    return found if len(found) >= len(sample) - 1 else {}


def without_films(processor_class: Any) -> Any:
    """Return `processor_class`, or one like it without a part for films: that needs torchvision, and none are taken."""
    if FILMS not in inspect.signature(processor_class.__init__).parameters:
        return processor_class

    parts = processor_class.get_attributes()
    still = [name for name in parts if name != FILMS]

    class Still(processor_class):  # type: ignore[misc]  # transformers is an unchecked library
        __init__ = _Making(processor_class, parts, still)

        @classmethod
        def get_attributes(cls) -> list[str]:
            return still

        @classmethod
        def from_args_and_dict(cls, args: Any, processor_dict: dict[str, Any], **kwargs: Any) -> Any:
            known = {name: value for name, value in processor_dict.items() if name != FILMS}
            return super().from_args_and_dict(args, known, **kwargs)

        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument_name == FILMS:
                return type(argument)
            return super().check_argument_for_proper_class(argument_name, argument)

    Still.__name__ = Still.__qualname__ = processor_class.__name__
    return Still


class _Making:
    """The `__init__` of a processor without its part for films; transformers reads off it what the real one takes."""

    def __init__(self, processor_class: Any, parts: list[str], still: list[str]) -> None:
        self.real, self.parts, self.still = processor_class.__init__, parts, still
        self.__code__ = self.real.__code__
        self.__signature__ = inspect.signature(self.real)

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __call__(self, instance: Any, *args: Any, **kwargs: Any) -> None:
        given = {**dict(zip(self.still, args, strict=False)), **kwargs}
        instance.get_attributes = lambda: self.parts  # its class hands on all of them, by place or by name
        self.real(instance, **{FILMS: None, **given})
        del instance.get_attributes


def prepared(
    processor: Any, item: Mapping[str, Any], names: Collection[str], index: int | None = None
) -> Mapping[str, Any]:
    """Return all that `processor` makes of `item`, a text or messages with pictures and sounds, for arrays of `names`.

    They are arrays, or tensors if it makes nothing else.

    Raises:
        InputError: the item has another name in it, something in it cannot be read, or the processor refuses it.
    """
    for name in item:
        if name not in TAKES:
            raise InputError(str(unknown("input", str(name), (*TAKES, *names))), index=index)
    given: dict[str, Any] = {}
    if (text := _text(processor, item, index)) is not None:
        given["text"] = [text]
    if (second := item.get(PAIR)) is not None:
        if text is None or PAIR not in inspect.signature(type(processor).__call__).parameters:
            raise InputError(
                f"has {PAIR}, which the checkpoint's {type(processor).__name__} takes none of here",
                index=index,
            )
        given[PAIR] = [second]
    if pictures := _listed(item.get(IMAGES)):
        given["images"] = [image_file.opened(each, index) for each in pictures]
    if sounds := _listed(item.get(AUDIO)):
        given |= _heard(processor, sounds, index)
    try:
        return _called(processor, given | _asked(given, names))
    except REFUSED as error:
        raise InputError(
            f"the checkpoint's {type(processor).__name__} refuses it: {first_line(error)}", index=index
        ) from error


def _asked(given: Mapping[str, Any], names: Collection[str]) -> dict[str, bool]:
    """Return what a processor is told to make beside its usual, as a head takes it: which tokens are whose.

    One that is given sounds alone makes no mask unless it is asked for one.
    """
    kinds = {f"return_{KINDS}": True} if KINDS in names else {}
    masked = "audio" in given and "text" not in given and "attention_mask" in names
    return {**kinds, **({"return_attention_mask": True} if masked else {})}


def _text(processor: Any, item: Mapping[str, Any], index: int | None) -> str | None:
    text, messages = item.get(TEXT), item.get(MESSAGES)
    if text is not None and messages is not None:
        raise InputError(f"has {TEXT} and {MESSAGES}; give one of them", index=index)
    if messages is not None:
        try:
            told = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        except (*REFUSED, ImportError) as error:  # its template is in Jinja, which may be missing
            raise InputError(
                f"the checkpoint's chat template refuses the messages: {first_line(error)}", index=index
            ) from error
        return str(told)
    if text is None or (isinstance(text, str) and text.strip()):
        return text
    raise InputError(f"{TEXT} is {text!r}; give a text with something in it", index=index)


def _heard(processor: Any, sounds: Sequence[Any], index: int | None) -> dict[str, Any]:
    extractor = getattr(processor, "feature_extractor", None) or getattr(processor, "audio_processor", None)
    if extractor is None:
        raise InputError(
            f"has {AUDIO}, which the checkpoint's {type(processor).__name__} takes none of", index=index
        )
    rate = int(getattr(extractor, "sampling_rate", 16_000))
    waves = [audio_file.opened(each, index) for each in sounds]
    heard = [resampled(wave.samples, wave.rate or rate, rate) for wave in waves]
    takes = inspect.signature(type(processor).__call__).parameters
    return {"audio": heard, **({"sampling_rate": rate} if "sampling_rate" in takes else {})}


def _called(processor: Any, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what `processor` makes of the arguments `given`: arrays, or tensors if it makes nothing else."""
    try:
        made: Mapping[str, Any] = processor(**given, return_tensors="np")
    except ValueError as error:
        if "return_tensors" not in str(error):
            raise
        made = processor(**given, return_tensors="pt")
    return made


def _listed(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def first_line(error: BaseException) -> str:
    """Return the first line of what went wrong, or the name of its class."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
