"""Processors of texts with pictures in them, as small as a small configuration, for surveys and generated tests."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ipfs_accelerate_py.evidence.tiny import special_ids, trained
from ipfs_accelerate_py.skills.own_processor import FILMS, without_films

POSITIONS: Final = 256  # tokens that the small model takes; a picture alone may be a hundred
SPREAD: Final = 0.3  # of the decoder's first weights; at 0.2 some go on with one token for ever
MOST_PIXELS: Final = 48 * 48  # of a picture, where a processor bounds its area
# Settings of an image processor that configurations know under another name.
_SETTINGS: Final[Mapping[str, str]] = {"merge_size": "spatial_merge_size"}
# The tokens that stand for pictures and films, and those around them, as processors know them without being told.
_TOKENS: Final = ("<image>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
_AROUND: Final = {"vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>"}

CHAT: Final = (
    "{% for message in messages %}{{ message['role'] }}: {% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}IMAGE {% else %}{{ part['text'] }}"
    "{% endif %}{% endfor %}{% endif %}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)


@dataclass(frozen=True)
class Reader:
    """What makes tensors of texts with pictures: transformers' own processor, its parts, and a configuration for it."""

    processor: Any
    parts: tuple[Any, ...]
    config: dict[str, Any]

    @property
    def token(self) -> str:
        """The token that stands for a picture in a text."""
        return str(self.processor.image_token)


def image_settings(kind: Any, config: Mapping[str, Any], *, most_pixels: int = MOST_PIXELS) -> dict[str, Any]:
    """Return the settings of the image processor class `kind` that the fields of `config` and its parts decide."""
    known: dict[str, Any] = {}
    for part in (config, *(value for value in config.values() if isinstance(value, Mapping))):
        known = dict(part) | known
    found = {
        name: known[_SETTINGS.get(name, name)]
        for name in kind.valid_kwargs.__annotations__
        if known.get(_SETTINGS.get(name, name)) is not None
    }
    ends = set(kind.size or {})
    if {"shortest_edge", "longest_edge"} <= ends and "merge_size" in kind.valid_kwargs.__annotations__:
        found["size"] = {"shortest_edge": 1, "longest_edge": most_pixels}  # of an area
    elif edge := known.get("image_size"):
        found["size"] = {"shortest_edge": edge} if "shortest_edge" in ends else _square(edge)
        found |= {"crop_size": _square(edge)} if getattr(kind, "crop_size", None) else {}
    return found


def _square(edge: int) -> dict[str, int]:
    return {"height": edge, "width": edge}


def reader(tokenizer_class: Any, image_class: Any, processor_class: Any, tiny: Mapping[str, Any]) -> Reader:
    """Return a processor whose tokenizer knows the words of `TEXTS`, and the fields of `tiny` that agree with it."""
    tokenizer = trained(tokenizer_class)
    tokenizer.add_special_tokens({"pad_token": "<pad>", "additional_special_tokens": list(_TOKENS)})
    images = image_class(**image_settings(image_class, tiny))
    takes = inspect.signature(processor_class.__init__).parameters
    known = {
        "patch_size": tiny["vision_config"].get("patch_size"),
        "vision_feature_select_strategy": "default",
        "num_additional_image_tokens": 1,  # the one before the patches
    }
    settings = {name: value for name, value in known.items() if name in takes}
    if FILMS in takes:
        chat = CHAT.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
        processor = without_films(processor_class)(images, tokenizer, chat_template=chat)
        tokenizer.chat_template = chat
        parts: tuple[Any, ...] = (images, tokenizer)
    else:
        processor = processor_class(image_processor=images, tokenizer=tokenizer, **settings)
        parts = (processor,)
        processor.chat_template = CHAT.replace("IMAGE", processor.image_token)
    return Reader(processor, parts, _agreeing(tiny, processor))


def _agreeing(tiny: Mapping[str, Any], processor: Any) -> dict[str, Any]:
    tokenizer = processor.tokenizer
    text = {
        **tiny["text_config"],
        **special_ids(tokenizer),
        "vocab_size": len(tokenizer),
        "max_position_embeddings": POSITIONS,
        "initializer_range": SPREAD,
    }
    told = {name: tokenizer.convert_tokens_to_ids(token) for name, token in _AROUND.items()}
    for modality in ("image", "video"):
        for field in (f"{modality}_token_id", f"{modality}_token_index"):
            told[field] = getattr(processor, f"{modality}_token_id", None)
    return {**tiny, **{name: place for name, place in told.items() if name in tiny}, "text_config": text}
