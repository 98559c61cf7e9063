"""Texts with pictures in them: from what a user gives to the rows that a model of both reads, and back to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills import chat
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.head import Answer, Example, Options
from ipfs_accelerate_py.skills.image_file import opened
from ipfs_accelerate_py.skills.session import ROOM
from ipfs_accelerate_py.skills.text import TextInput

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PLACES = "pictured"  # of a row: 1 where a token stands for a part of a picture, (tokens,)
_TOKEN_FIELDS = ("image_token_id", "image_token_index")  # of config.json; the second is the older name
_ASKED = "What is in this picture?"


@dataclass(frozen=True)
class Pictures:
    """What the pictures of one input became."""

    arrays: Mapping[str, Array]  # of all of them, one after the other along axis 0
    tokens: tuple[int, ...] = ()  # how many tokens of the text stand for each


@dataclass(frozen=True)
class Asked:
    """A prompt and its pictures, as they were given."""

    prompt: str
    images: list[Any]
    chat: bool = False
    special: bool = True  # the tokenizer adds the tokens that frame a text


class PictureInput(Protocol):
    """The image processor of a checkpoint whose pictures go into a text."""

    @property
    def padding(self) -> Mapping[str, int]:
        """What the arrays of a row with fewer pictures are filled up with."""

    def pictures(self, images: Sequence[Picture], index: int | None = None) -> Pictures:
        """Return `images`, of one input, made ready; there may be none."""

    def placed(self, places: Array, made: Pictures) -> Mapping[str, Array]:
        """Return what else a row needs to know, now that `places` (tokens,) says where its pictures stand."""


@dataclass(frozen=True)
class PicturedText:
    """The tokenizer and the image processor of a checkpoint, together."""

    checkpoint: Checkpoint
    text: TextInput
    images: PictureInput

    @cached_property
    def token(self) -> tuple[str, int]:
        """The token that stands for a part of a picture, as text and as id.

        Raises:
            CheckpointError: config.json names none, or the tokenizer does not know it.
        """
        for field in _TOKEN_FIELDS:
            place = self.checkpoint.number(field)
            if place is not None:
                text = self.text.tokenizer.id_to_token(place)
                if text is None:
                    raise CheckpointError(
                        f"{self.checkpoint.folder}: {field} is {place}, which the tokenizer does not know; "
                        "fetch the tokenizer again"
                    )
                return str(text), place
        raise CheckpointError(
            f"{self.checkpoint.folder / 'config.json'}: names no {_TOKEN_FIELDS[0]}, the token for a part of a picture"
        )

    @property
    def padding(self) -> dict[str, int]:
        """What each array of a row is filled up with."""
        return {**self.text.padding, PLACES: 0, **self.images.padding}

    @property
    def sample(self) -> tuple[Any, ...]:
        """Two questions of unequal length about pictures of different shapes."""
        across, down = np.meshgrid(np.linspace(0, 9, 40), np.linspace(0, 5, 30))
        waves = np.stack([np.sin(across), np.cos(down), np.sin(across * down)], axis=-1)
        picture = (waves * 127 + 128).astype(np.uint8)
        token = self.token[0]
        return (
            {"image": picture, "text": f"{token} {_ASKED}"},
            {
                "image": np.ascontiguousarray(picture[::-1, ::2]),
                "text": f"A picture: {token} {_ASKED} And where?",
            },
        )

    def examples(self, items: Sequence[Any], options: Options) -> list[Example]:
        """Return each input as one row: its text with as many tokens for each picture as the model has vectors of it.

        Raises:
            InputError: an item is neither a text nor a text with pictures, names another number of pictures than it
                has, or is longer than the checkpoint takes.
        """
        return [self._example(self._asked(item, options, index), index) for index, item in enumerate(items)]

    def _asked(self, item: Any, options: Options, index: int) -> Asked:
        """Return what an input asks: a text with its pictures, or messages as the checkpoint's template writes them."""
        if not chat.given(item):
            prompt, images = _parts(item, index)
            return Asked(prompt, images)
        prompt = chat.rendered(self.checkpoint, item, options, index=index)
        begins = chat.begins_text(self.checkpoint, prompt)
        return Asked(prompt, _shown(item["messages"], index), chat=True, special=not begins)

    def _example(self, asked: Asked, index: int) -> Example:
        prompt, images = asked.prompt, asked.images
        token, place = self.token
        if prompt.count(token) != len(images):
            raise InputError(
                f"the text has {prompt.count(token)} of {token}, one for each picture, and there are {len(images)} "
                "pictures",
                index=index,
            )
        made = self.images.pictures([opened(image, index) for image in images], index)
        pieces = prompt.split(token)
        spread = [piece + token * count for piece, count in zip(pieces, made.tokens, strict=False)]
        whole = "".join([*spread, pieces[-1]])
        [tokens] = self.text.encode([whole], index=index, ids=False, special=asked.special)
        if tokens.notice:  # a picture of which tokens were cut off is none
            raise InputError(f"{tokens.notice}; a text with pictures is not cut, so shorten it", index=index)
        places = (tokens.ids == place).astype(np.int64)
        row = {
            "input_ids": tokens.ids,
            "attention_mask": tokens.arrays["attention_mask"],
            PLACES: places,
            ROOM: np.asarray(self.text.limit - tokens.ids.size),
            **made.arrays,
            **self.images.placed(places, made),
        }
        return Example((row,), (asked, tokens.ids))

    def answer(self, example: Example, row: Mapping[str, Array], options: Options) -> Answer:
        """Return what follows the prompt as text and as tokens; of several continuations the best and all.

        With `return_full_text` a text stands before what follows it; after messages the reply stands alone.
        """
        asked, ids = example.context
        before = asked.prompt if options["return_full_text"] and not asked.chat else ""
        found = [
            {"text": before + self.continued(ids, tokens), "tokens": tokens.tolist()}
            for tokens in row.values()
        ]
        return {**found[0], "sequences": found} if options["num_return_sequences"] > 1 else found[0]

    def continued(self, ids: Array, tokens: Sequence[int] | Array) -> str:
        """Return the text of `tokens` after `ids`: what the text of both has beyond that of `ids`, as transformers.

        A tokenizer may put up to two characters before the whole.
        """
        before = self.text.decode(ids, skip_special=True)
        whole = self.text.decode([*ids, *tokens], skip_special=True)
        start = whole.find(before)
        return whole[start + len(before) :] if 0 <= start <= 2 else whole


def _parts(item: Any, index: int) -> tuple[str, list[Any]]:
    """Return the text and the pictures of an input."""
    if isinstance(item, str):
        return item, []
    if isinstance(item, Mapping) and isinstance(item.get("text"), str):
        if set(item) == {"text"}:
            return item["text"], []
        if set(item) == {"text", "image"}:
            return item["text"], [item["image"]]
        if set(item) == {"text", "images"}:
            many = item["images"]
            return item["text"], list(many) if isinstance(many, list | tuple) else [many]
    raise InputError(
        'is neither a text nor {"image": ..., "text": ...}, {"images": [...], "text": ...} or {"messages": [...]}',
        index=index,
    )


def _shown(messages: Sequence[Any], index: int) -> list[Any]:
    """Return the pictures of `messages` in their order: each is given under "image", or as a "path" or "url"."""
    found: list[Any] = []
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list | tuple) else ():
            if isinstance(part, Mapping) and part.get("type") == "image":
                given = [part[name] for name in ("image", "path", "url") if part.get(name) is not None]
                if not given:
                    raise InputError('a picture in a message is {"type": "image", "image": ...}', index=index)
                found.append(given[0])
    return found
