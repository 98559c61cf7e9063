"""Prompts of text generation, as a text, as messages or as token ids; and the answers to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills import chat, token_ids
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.head import Answer, Options
from ipfs_accelerate_py.skills.text import TextInput, Tokens

CHAT_OPTIONS: Mapping[str, Any] = {"chat_template_kwargs": None}


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
    arguments = options.get("chat_template_kwargs") or {}
    if not isinstance(arguments, Mapping):
        raise InputError(f"chat_template_kwargs is {arguments!r}; it is a dictionary")
    for index, item in enumerate(items):
        if chat.given(item):
            written = chat.rendered(text.checkpoint, item, arguments, index=index)
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
            answer["messages"] = [*prompt.messages, {"role": "assistant", "content": written}]
        return answer
    whole = prompt.text + written if options["return_full_text"] else written
    return {"text": whole, "tokens": tokens.tolist()}
