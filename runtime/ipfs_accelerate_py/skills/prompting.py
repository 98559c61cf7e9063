"""Prompts of text generation, as a text, as messages or as token ids; and the answers to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipfs_accelerate_py.skills import chat, token_ids
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.head import Answer, Options
from ipfs_accelerate_py.skills.text import TextInput, Tokens


@dataclass(frozen=True)
class Prompt:
    """What a user gave, and the ids that it became."""

    tokens: Tokens
    text: str = ""
    messages: list[Any] | None = None


def prompted(text: TextInput, items: Sequence[Any], options: Options) -> Iterator[Prompt]:
    """Yield each item, a text, {"messages": [...]} or {"input_ids": [...]}, as a prompt.

    Raises:
        InputError: an item is none of these.
        CheckpointError: messages were given, and the checkpoint has no chat template.
    """
    for index, item in enumerate(items):
        if chat.given(item):
            written = chat.rendered(text.checkpoint, item, options, index=index)
            [tokens] = text.encode([written], index=index, ids=False, special=False)
            yield Prompt(tokens, messages=list(item["messages"]))
        elif token_ids.given(item):
            [tokens] = text.encode([item], index=index)
            yield Prompt(tokens, text.decode(tokens.ids, skip_special=True))
        else:
            [tokens] = text.encode([item], index=index, ids=False)
            yield Prompt(tokens, item)


def answered(text: TextInput, prompt: Prompt, row: Mapping[str, Array], options: Options) -> Answer:
    """Return the continuation of `prompt`; where several were asked for, the best and, as `sequences`, all of them."""
    found = [_one(text, prompt, tokens, options) for tokens in row.values()]
    return {**found[0], "sequences": found} if options["num_return_sequences"] > 1 else found[0]


def _one(text: TextInput, prompt: Prompt, tokens: Array, options: Options) -> Answer:
    written = text.decode(
        tokens, skip_special=True
    )  # of the new tokens alone, as transformers' pipeline does
    if prompt.messages is not None:
        answer: Answer = {"text": written, "tokens": tokens.tolist()}
        if options["return_full_text"]:
            going_on = chat.goes_on(prompt.messages, options)
            answer["messages"] = chat.with_answer(prompt.messages, written, goes_on=going_on)
        return answer
    whole = prompt.text + written if options["return_full_text"] else written
    return {"text": whole, "tokens": tokens.tolist()}
