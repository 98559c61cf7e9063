"""What is known about one model type: immutable nouns that cannot be constructed wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ipfs_accelerate_generator.tensor import Tensor
from ipfs_accelerate_generator.values import (
    Value,
    check_dotted,
    check_identifier,
    check_names,
    check_pattern,
    check_table,
    check_text,
    refuse,
)
from ipfs_accelerate_py.errors import unknown

FAMILIES: Final = ("embedding", "text_generation", "vision", "audio", "multimodal", "tensor")

GENERATE: Final = "generate"
"""The method that is called of a class that has no forward."""
PLAIN: Final = "eager"
FUSED: Final = "sdpa"
ATTENTION: Final = ("", PLAIN, FUSED)
POOLING: Final = ("", "map", "first", "mean")
PICTURES: Final = ("", "whole", "nested", "tiled", "cut", "rows", "patches")
_MASKLESS: Final = ("TokenizersBackend", "ReformerTokenizer")
PICTURED: Final = frozenset({"LlavaProcessor", "LlavaNextProcessor", "Qwen2VLProcessor", "Qwen3VLProcessor"})
"""Processors of texts with pictures that somebody wrote in NumPy; what the others make is given as arrays."""

_MODEL_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TASK = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_WORD = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


def file_stem(model_type: str) -> str:
    """Return the name, without a suffix, of the files about `model_type`; it holds no dot or separator.

    Raises:
        SpecError: `model_type` is not one; a path such as "../x" never is.
    """
    check_pattern("model_type", model_type, _MODEL_TYPE, "a model type (letters, digits, '.', '_' and '-')")
    return re.sub(r"[^a-z0-9_]", "_", model_type.lower())


@dataclass(frozen=True, kw_only=True)
class Head:
    """One model class for one task: what its forward pass takes and which field of its output is read."""

    task: str
    table: str
    """The auto-mapping table of transformers that names the class; "" where no table does."""
    model: str
    module: str = ""
    """Where the class is imported from; "" says: from the module of the spec."""
    inputs: tuple[str, ...]
    """The tensors that the task feeds, in the order of the forward signature."""
    output: str
    """The field of the output that is read. Where the output is a tensor, it is called `tensor`; the second of a tuple
    `item_1`, and `maps_0` the first of a tuple in the field `maps`."""
    also: tuple[str, ...] = ()
    """The fields that belong to the answer beside it, where a task is given arrays: the boxes of scores."""
    method: str = ""
    """The method of the class that the task calls, such as one tower's; "" says: its forward."""
    pooling: str = ""
    """How an image's vector comes from the output: "map" (the mean over rows and columns), "first" (a token that
    stands for the image) or "mean" (over the tokens); "" where there is nothing to pool."""
    pictures: str = ""
    """How the pictures lie that take the places of tokens, for the processors that are not `PICTURED`: "whole",
    "nested" (an axis of texts stands before that of their pictures), "tiled" (behind the axis of pictures stands one of
    their tiles), "cut" (each patch is a picture of its own), "rows" (of each picture a row of patches), "patches" (of
    all pictures one after the other)."""
    config: Mapping[str, Value] = field(default_factory=dict, hash=False)
    """Keyword arguments that this head's configuration needs beside the type's own, in tests and in use."""
    labels: tuple[str, ...] = ()
    """Label names for a test's checkpoint; () where the number of labels is not a choice."""
    tensors: tuple[Tensor, ...] = ()
    """Every input in turn, where one of them is none that processors make; () where a test has a text, picture or
    sound to begin with."""
    whole: bool = False
    """Whether the inputs are those of a whole call, such as patches and the grids that they are on: no row of them
    could be answered alone."""
    state: bool = False
    """Whether a class that writes keeps what it read as a state, `cache_params`, and no keys and values of tokens."""
    keeps: bool = False
    """Whether a class that writes after arrays goes on from what it kept of them as if it read all anew."""
    apart: bool = False
    """Whether rows of unequal length cannot go together: what the shorter is filled up with changes its result."""
    drawn: bool = False
    """Whether what it draws at random on the way shows in what comes of it, if only in how that is rounded."""
    generation: Mapping[str, Value] = field(default_factory=dict, hash=False)
    """What `generate` is told in a test, of a class that does nothing else: short limits, and to take the likeliest."""
    attention: str = ""
    """The implementation that the class is loaded with: "eager" where the fused one gives other numbers, as it takes
    attention without a mask for that of a decoder; "sdpa" where it has no plain form, or none that gives numbers; ""
    is the fastest that the class has."""

    def __post_init__(self) -> None:
        check_pattern("task", self.task, _TASK, "a task (such as 'fill-mask')")
        if self.table != "":
            check_identifier("table", self.table)
        check_identifier("model", self.model)
        if self.module != "":
            check_dotted("module", self.module)
        check_names("inputs", self.inputs, check_identifier)
        check_identifier("output", self.output)
        check_names("also", self.also, check_identifier, may_be_empty=True)
        if self.output in self.also:
            refuse("also", f"also names {self.output}, which is the output; leave it out")
        if self.method != "":
            check_identifier("method", self.method)
        if self.pooling not in POOLING:
            refuse("pooling", str(unknown("pooling", str(self.pooling), POOLING)))
        if self.pictures not in PICTURES:
            refuse("pictures", str(unknown("pictures", str(self.pictures), PICTURES)))
        if self.attention not in ATTENTION:
            refuse("attention", str(unknown("attention", str(self.attention), ATTENTION)))
        for key in ("config", "generation"):
            object.__setattr__(self, key, check_table(key, getattr(self, key)))
        check_names("labels", self.labels, check_text, may_be_empty=True)
        for key in ("whole", "state", "keeps", "apart", "drawn"):
            if not isinstance(value := getattr(self, key), bool):
                refuse(key, f"{key} is {value!r}; give true or false")
        if self.tensors and tuple(each.name for each in self.tensors) != self.inputs:
            refuse(
                "tensors",
                f"tensors are not those of inputs, {list(self.inputs)}; give one for each, in order",
            )

    @property
    def function(self) -> str:
        """The task as a Python name: "fill_mask" of "fill-mask"."""
        return self.task.replace("-", "_")


@dataclass(frozen=True, kw_only=True)
class Unproved:
    """A class of the type for a task that could not be built or run, and why: what it would do is not known."""

    task: str
    model: str
    reason: str

    def __post_init__(self) -> None:
        check_pattern("task", self.task, _TASK, "a task (such as 'fill-mask')")
        check_identifier("model", self.model)
        check_text("reason", self.reason, longest=400)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The names, never the values, of the configuration fields that limit an input; dotted when in a part."""

    tokens: str = ""
    image: str = ""
    frames: str = ""
    audio: str = ""
    after: str = ""
    """The field with the id after which positions are counted, so that that many and one fewer tokens are taken."""

    def __post_init__(self) -> None:
        for key in ("tokens", "image", "frames", "audio", "after"):
            if getattr(self, key) != "":
                check_dotted(key, getattr(self, key))


@dataclass(frozen=True, kw_only=True)
class Processors:
    """The classes that turn raw inputs into tensors; "" where the type has none of that kind."""

    tokenizer: str = ""
    image_processor: str = ""
    feature_extractor: str = ""
    video_processor: str = ""
    processor: str = ""

    def __post_init__(self) -> None:
        for key in ("tokenizer", "image_processor", "feature_extractor", "video_processor", "processor"):
            if getattr(self, key) != "":
                check_identifier(key, getattr(self, key))


@dataclass(frozen=True, kw_only=True)
class Processing:
    """What transformers' own processor is given where it makes the arrays that heads take: seen by the survey."""

    tasks: tuple[str, ...] = ()
    """The heads that answered what it made; () where it cannot be made offline, or makes something else."""
    tokenizer: str = ""
    """The class of the tokenizer that stands for a processor; "" where the type has one."""
    refused: str = ""
    """Why that tokenizer cannot be made offline or asked here; "" where it can."""
    takes: tuple[str, ...] = ()
    """Some of "text", "text_pair", "images" and "audio"."""
    prompt: str = ""
    """The tokens before a text that stand for its picture or sound."""
    settings: Mapping[str, Value] = field(default_factory=dict, hash=False)
    """Arguments of the processor's class that its defaults say for large models alone."""

    def __post_init__(self) -> None:
        check_names(
            "tasks",
            self.tasks,
            lambda key, value: check_pattern(key, value, _TASK, "a task"),
            may_be_empty=True,
        )
        check_names("takes", self.takes, check_identifier, may_be_empty=True)
        if self.tokenizer != "":
            check_identifier("tokenizer", self.tokenizer)
        for key in ("refused", "prompt"):
            if getattr(self, key) != "":
                check_text(key, getattr(self, key))
        object.__setattr__(self, "settings", check_table("settings", self.settings))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What transformers' own image processor makes the arrays of, for heads of pictures alone: seen by the survey."""

    tasks: tuple[str, ...] = ()
    """The heads that answered what it made; () where it cannot be made offline, or makes something else."""
    image_processor: str = ""
    """Its class: that of the type, or of a relative where the type has none in transformers' table."""
    edge: int = 0
    """Of a small picture, where no field of the configuration says one."""
    count: int = 1
    """How many pictures one answer is about."""

    def __post_init__(self) -> None:
        check_names(
            "tasks",
            self.tasks,
            lambda key, value: check_pattern(key, value, _TASK, "a task"),
            may_be_empty=True,
        )
        if self.image_processor != "":
            check_identifier("image_processor", self.image_processor)
        for key in ("edge", "count"):
            if not isinstance(value := getattr(self, key), int) or value < 0:
                refuse(key, f"{key} is {value!r}; give a whole number")


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One model type, as surveyed and, where a person knew better, as overridden."""

    model_type: str
    title: str
    family: str
    subfamily: str
    config: str
    module: str
    imports: tuple[str, ...] = ()
    """Modules that register the type and are imported before anything else."""
    modalities: tuple[str, ...]
    limits: Limits = Limits()
    processors: Processors = Processors()
    processing: Processing = Processing()
    seen: Seen = Seen()
    vocabulary: str = ""
    """The config field for the number of tokens; `tiny` leaves it out, a test sets it to its tokenizer's."""
    heads: tuple[Head, ...]
    tiny: Mapping[str, Value] = field(default_factory=dict, hash=False)
    """Keyword arguments of the config class that make a small model for tests."""
    unproved: tuple[Unproved, ...] = ()
    """What transformers has for other tasks, and the survey could not run."""
    reason: str = ""
    """Why an override exists; "" when there is none."""
    where: str = field(default="", compare=False)
    """The file that it was read from, for messages."""

    def __post_init__(self) -> None:
        file_stem(self.model_type)
        check_text("title", self.title)
        if self.family not in FAMILIES:
            refuse("family", str(unknown("family", str(self.family), FAMILIES)))
        check_pattern("subfamily", self.subfamily, _WORD, "a word (such as 'text-encoder')")
        check_identifier("config", self.config)
        check_dotted("module", self.module)
        check_names("imports", self.imports, check_dotted, may_be_empty=True)
        check_names(
            "modalities", self.modalities, lambda key, value: check_pattern(key, value, _WORD, "a word")
        )
        if self.vocabulary != "":
            check_dotted("vocabulary", self.vocabulary)
        self._check_heads()
        object.__setattr__(self, "tiny", check_table("tiny", self.tiny))
        if self.reason != "":
            check_text("reason", self.reason, longest=2000)

    def _check_heads(self) -> None:
        if not isinstance(self.heads, tuple) or not self.heads:
            refuse("heads", "a model type needs at least one head")
        tasks = [head.task for head in self.heads]
        for index, task in enumerate(tasks):
            if task in tasks[:index]:
                refuse("heads", f"task {task!r} has two heads; keep one", index, "task")

    @property
    def vocabularies(self) -> bool:
        """Whether the small configuration has to be told in several places how many tokens there are, or in a part."""
        return "." in self.vocabulary or bool(self.vocabulary and _counts_tokens(self.tiny))

    @property
    def hides_words(self) -> bool:
        """Whether words are hidden from a type whose tokenizer has no token for them, or that has none of its own."""
        return "fill-mask" in self.tasks and self.processors.tokenizer in _MASKLESS

    @property
    def judges_ends(self) -> bool:
        """Whether a text is judged by its end in a type that has no tokenizer of its own, and so none that ends it."""
        judges = self.subfamily == "text-to-text" and "text-classification" in self.tasks
        return judges and self.processors.tokenizer == "TokenizersBackend"

    @property
    def judge(self) -> str:
        """The function that judges a text by a decoder behind an encoder; "" where nothing but the class does.

        A decoder with a configuration of its own says itself what it begins with.
        """
        if self.subfamily != "text-to-text":
            return ""
        return "judged_again" if "decoder" in self.tiny or self.ends_with_language else "judged"

    @property
    def ends_with_language(self) -> bool:
        """Whether a text ends with the token of its language, as those of MBart's tokenizers do."""
        return self.processors.tokenizer.startswith("MBart")

    @property
    def reads_letters(self) -> bool:
        """Whether the tokenizer knows the letters of proteins, and learns neither words nor another hidden token."""
        return self.processors.tokenizer == "EsmcTokenizer"

    @property
    def names_unknown_alone(self) -> bool:
        """Whether the tokenizer names a token for what it does not know, and none that ends or fills up a text."""
        return self.processors.tokenizer == "OpenAIGPTTokenizer"

    @property
    def has_experts(self) -> bool:
        """Whether layers are made of experts, of which each token gets a few."""
        return any(name.endswith("num_experts") for name in self.tiny)

    @property
    def draws(self) -> bool:
        """Whether a class draws something at random, so that its answers are alike bit by bit for one seed alone."""
        return any(head.drawn for head in self.heads)

    @property
    def stem(self) -> str:
        """The name, without a suffix, of every file about this type."""
        return file_stem(self.model_type)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks of the heads, in their order."""
        return tuple(head.task for head in self.heads)

    def head(self, task: str) -> Head:
        """Return the head for `task`.

        Raises:
            UnknownName: this type has no such head; the message says which it has.
        """
        for head in self.heads:
            if head.task == task:
                return head
        raise unknown(f"task of {self.model_type}", task, self.tasks)

    def module_of(self, head: Head) -> str:
        """Return the module that the class of `head` is imported from."""
        return head.module or self.module


def _counts_tokens(tiny: Mapping[str, object]) -> bool:
    """Whether `tiny`, or a part of it, has a field for a number of tokens."""
    return any(
        _counts_tokens(value) if isinstance(value, Mapping) else "vocab_size" in name and "type" not in name
        for name, value in tiny.items()
    )


def classes(spec: ModelSpec) -> Iterable[tuple[str, str]]:
    """Yield (module, class name) of the config and of every head, each once, in the order of the spec."""
    seen = {(spec.module, spec.config): None}
    seen.update({(spec.module_of(head), head.model): None for head in spec.heads})
    return seen.keys()
