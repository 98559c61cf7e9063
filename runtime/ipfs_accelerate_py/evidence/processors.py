"""Processors of any type, as small as its small configuration: made offline of a small tokenizer and of defaults."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.evidence.pictured import MOST_PIXELS
from ipfs_accelerate_py.evidence.tiny import TEXTS, special_ids, told, trained
from ipfs_accelerate_py.evidence.vocabularies import WRITTEN, small, source_of
from ipfs_accelerate_py.skills.own_processor import AUDIO, FILMS, IMAGES, PAIR, TEXT, without_films

PLACES: Final = 1024  # tokens that the small model takes; some pictures are hundreds
_RATE: Final = 16_000
_SEED: Final = 5
# Settings of image processors and feature extractors that configurations know under another name.
_OTHERWISE: Final[Mapping[str, tuple[str, ...]]] = {
    "merge_size": ("spatial_merge_size",),
    "feature_size": ("num_mel_bins", "num_mel_filters"),
    "image_seq_length": ("mm_tokens_per_image", "num_image_tokens", "image_seq_length"),
    "num_image_tokens": ("image_seq_length",),
    "downsample_factor": ("scale_factor",),
    "max_image_tiles": ("max_num_tiles",),
    "image_token_len": ("image_seq_length",),
    "img_size": ("image_size",),
}
# What a class cannot do without, and a checkpoint of it says: one more token than patches, all layers' but the last's.
_USUAL: Final[Mapping[str, Any]] = {
    "num_additional_image_tokens": 1,
    "vision_feature_select_strategy": "default",
}
_ASKED: Final = re.compile(
    r"""tokenizer\.(\w+_token)(?:_id)?\b|getattr\(tokenizer, ["'](\w+_token)(?:_id)?["']"""
)
_USUAL_TOKENS: Final = ("<image>", "<video>", "<audio>")
_ORDINARY: Final = frozenset(f"{name}_token" for name in ("bos", "eos", "pad", "unk", "mask", "sep", "cls"))
_TOKEN_FIELD: Final = re.compile(r"(\w+_token)(_id|_index)")


@dataclass(frozen=True)
class Processing:
    """The classes that a processor is made of, and what its small one cannot have from defaults.

    A type of texts alone has no processor: its tokenizer stands for one.

    `prompt` stands before each text: the tokens that stand for a picture or a sound there. `settings` are arguments of
    the processor's class.
    """

    processor: str
    image_processor: str = ""
    feature_extractor: str = ""
    tokenizer: str = "TokenizersBackend"
    prompt: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    takes: tuple[str, ...] = (TEXT,)
    """What it is given: some of "text", "text_pair", "images" and "audio"."""


@dataclass(frozen=True)
class Own:
    """A small processor, and the fields of a small configuration that agree with it."""

    processor: Any
    config: dict[str, Any]


def own(
    processing: Processing, tiny: Mapping[str, Any], config_class: Any, *, vocabulary: str, places: str
) -> Own:
    """Return the processor for the configuration `tiny` and the fields of `tiny` that agree with it.

    `vocabulary` and `places` are the dotted fields for the number of tokens, and for how many a text may have.
    """
    import transformers

    if not processing.processor:
        alone = small(getattr(transformers, processing.tokenizer))
        return Own(alone, _agreeing(alone, tiny, config_class, vocabulary=vocabulary, places=places))
    processor_class = getattr(transformers, processing.processor)
    whole = config_class(**tiny).to_dict()
    tokenizer = _tokenizer(processor_class, getattr(transformers, processing.tokenizer))
    parts: dict[str, Any] = {}
    names = processor_class.get_attributes()
    takes = inspect.signature(processor_class.__init__).parameters
    for name in names:
        if name.endswith("tokenizer"):
            parts[name] = tokenizer
        elif name == "image_processor" and processing.image_processor:
            parts[name] = _images(
                getattr(transformers, processing.image_processor),
                whole,
                counts="image_processor.image_seq_length" in source_of(processor_class),
            )
        elif name in ("feature_extractor", "audio_processor") and processing.feature_extractor:
            parts[name] = _sounds(getattr(transformers, processing.feature_extractor), whole)
        elif name != FILMS:
            raise LookupError(f"no class is known for the {name} of {processing.processor}")
    known = laid_flat(whole)
    settings = {name: value for name in takes if (value := _setting(name, known)) is not None}
    if "num_image_tokens" in takes and takes["num_image_tokens"].default is None:
        settings.setdefault("num_image_tokens", _patches(known))
    settings |= {name: value for name, value in _USUAL.items() if name in takes and name not in settings}
    settings = {name: value for name, value in settings.items() if name not in names}
    processor = without_films(processor_class)(**parts, **{**settings, **processing.settings})
    agreeing = _agreeing(processor, tiny, config_class, vocabulary=vocabulary, places=places)
    return Own(processor, agreeing)


def asked(processing: Processing) -> tuple[dict[str, Any], ...]:
    """Return two texts of unequal length, each with a picture or a sound of its own, as a user gives them."""
    random = np.random.default_rng(_SEED)
    items: list[dict[str, Any]] = []
    for text, (height, width), samples in zip(
        TEXTS, ((40, 60), (52, 36)), (_RATE, _RATE * 3 // 4), strict=False
    ):
        item: dict[str, Any] = {}
        if TEXT in processing.takes:
            item[TEXT] = f"{processing.prompt} {text}".strip()
        if PAIR in processing.takes and not items:  # and the other text is one alone
            item[PAIR] = TEXTS[-1]
        if IMAGES in processing.takes:
            item[IMAGES] = [random.integers(0, 255, (height, width, 3), dtype=np.uint8)]
        if AUDIO in processing.takes:
            item[AUDIO] = [random.standard_normal(samples).astype(np.float32)]
        items.append(item)
    return tuple(items)


def laid_flat(fields: Mapping[str, Any], *, first: str = "vision") -> dict[str, Any]:
    """Return `fields` and those of all parts; of a name in several, that of the part about `first` counts."""
    found: dict[str, Any] = {name: each for name, each in fields.items() if not isinstance(each, Mapping)}
    found = {name: each for name, each in found.items() if each is not None}
    parts = {name: each for name, each in fields.items() if isinstance(each, Mapping)}
    for name in sorted(parts, key=lambda name: (first not in name, "vq" not in name)):
        inner = laid_flat(parts[name], first=first)
        found = found | inner if first in name else inner | found
    return found


def _setting(name: str, known: Mapping[str, Any]) -> Any:
    return next(
        (known[each] for each in (name, *_OTHERWISE.get(name, ())) if known.get(each) is not None), None
    )


def _tokenizer(processor_class: Any, tokenizer_class: Any) -> Any:
    """Return a small tokenizer with the tokens that a processor speaks of: those in its source, and those it asks for.

    A processor that knows a token by an attribute of its tokenizer finds it there.
    """
    source = source_of(processor_class)
    written = dict.fromkeys(WRITTEN.findall(source))
    names = [name for found in _ASKED.findall(source) for name in found if name and name not in _ORDINARY]
    asked = {
        name: f"<{name.removesuffix('_token')}>"
        for name in names
        if not name.startswith("add_") and f"{name}.content" not in source  # it makes that one itself
    }
    tokenizer = trained(tokenizer_class, masks=True)
    more = {"pad_token": "<pad>"} if tokenizer.pad_token is None else {}
    tokenizer.add_special_tokens(
        {**more, "additional_special_tokens": [*dict.fromkeys([*written, *asked.values(), *_USUAL_TOKENS])]}
    )
    tokenizer._set_model_specific_special_tokens(asked)
    return tokenizer


def _patches(known: Mapping[str, Any]) -> int | None:
    """Return how many patches a picture has of which configurations say the edge, and that of a patch."""
    edge, patch = known.get("image_size"), known.get("patch_size")
    return (edge // patch) ** 2 if isinstance(edge, int) and isinstance(patch, int) else None


def _images(kind: Any, whole: Mapping[str, Any], *, counts: bool) -> Any:
    """Return an image processor of the class `kind` for pictures of the size that the small model takes."""
    known, settings = laid_flat(whole, first="vision"), set(kind.valid_kwargs.__annotations__)
    found = {name: value for name in settings if (value := _setting(name, known)) is not None}
    edge = known.get("image_size", known.get("img_size"))
    edge = edge[0] if isinstance(edge, Sequence) else edge
    usual = getattr(kind, "size", None) or {}
    ends = set(usual if isinstance(usual, Mapping) else ())
    found.pop("size", None)
    if {"shortest_edge", "longest_edge"} <= ends and "merge_size" in settings:
        found["size"] = {"shortest_edge": 1, "longest_edge": MOST_PIXELS}  # of an area
    elif edge and ends:
        found["size"] = dict.fromkeys(ends, edge)
    for name in ("crop_size", "max_image_size", "pad_size"):
        usual = getattr(kind, name, None)
        if edge and usual:
            found[name] = dict.fromkeys(usual, edge) if isinstance(usual, Mapping) else edge
    if counts:
        found["image_seq_length"] = _patches(known)
    return kind(**found)


def image_processor(name: str, config: Mapping[str, Any], edge: int) -> Any:
    """Return an image processor of the class `name` of transformers, for what the fields of `config` say.

    Where none says how large a picture is, it has the `edge`.
    """
    import transformers

    sized = {"image_size", "img_size"}.intersection(laid_flat(config))
    whole = {**config, **({} if sized else {"image_size": edge})}
    return _images(getattr(transformers, name), whole, counts=False)


def _sounds(kind: Any, whole: Mapping[str, Any]) -> Any:
    """Return a feature extractor of the class `kind` for sounds of a second, with the bands that the model takes."""
    known, takes = laid_flat(whole, first="audio"), inspect.signature(kind.__init__).parameters
    found = {name: value for name in takes if (value := _setting(name, known)) is not None}
    return kind(**{**found, **({"chunk_length": 1} if "chunk_length" in takes else {})})


def _agreeing(
    processor: Any, tiny: Mapping[str, Any], config_class: Any, *, vocabulary: str, places: str
) -> dict[str, Any]:
    """Return `tiny` with the number of tokens, room for them, and the ids of tokens as `processor` has them."""
    tokenizer = getattr(processor, "tokenizer", processor)
    found = deepcopy(told(tiny, vocabulary, tokenizer) if vocabulary else dict(tiny))
    if places:
        _put(found, places.split("."), PLACES)
    for path, place in _token_fields(config_class(**tiny).to_dict(), processor, tokenizer):
        _put(found, path, place)
    text = vocabulary.split(".")[:-1]
    for name, place in special_ids(tokenizer).items():
        _put(found, [*text, name], place)
    return found


def _token_fields(
    fields: Mapping[str, Any], processor: Any, tokenizer: Any, before: tuple[str, ...] = ()
) -> Iterator[tuple[list[str], int]]:
    """Yield the path of each field with the id of a token that `processor` or its tokenizer knows, and that id."""
    for name, value in fields.items():
        if isinstance(value, Mapping) and name.endswith("_config"):
            yield from _token_fields(value, processor, tokenizer, (*before, name))
        elif (token := _TOKEN_FIELD.fullmatch(name)) and token[1] not in _ORDINARY:
            place = _place(token[1], processor, tokenizer)
            if place is not None:
                yield [*before, name], place


def _place(token: str, processor: Any, tokenizer: Any) -> int | None:
    """Return the id of the token that `tokenizer` or else `processor` has under the name `token`; None of no such.

    The tokenizer goes first: to some processors the token of a picture is the one that begins it (`models/gemma3`).
    """
    for owner in (tokenizer, processor):
        place = getattr(owner, f"{token}_id", None)
        if isinstance(place, int) and not isinstance(place, bool):
            return place
        written = getattr(owner, token, None)
        written = getattr(written, "content", written)
        if isinstance(written, str):
            return int(tokenizer.convert_tokens_to_ids(written))
    return None


def _put(fields: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *parts, name = path
    for part in parts:
        fields = fields.setdefault(part, {})
    fields[name] = value
