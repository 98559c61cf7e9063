"""Messages to a prompt, by the chat template that a checkpoint carries, as transformers renders it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.checkpoint import Checkpoint

_REASONING = (
    "reasoning_content",
    "thinking",
    "reasoning",
)  # names under which a message brings its reasoning
_GOES_ON = "<|the message goes on here|> "  # ends the last message until the prompt is cut off there
OPTIONS: Mapping[str, Any] = {"chat_template_kwargs": None, "continue_final_message": None}
_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def given(item: Any) -> bool:
    """Whether `item` is a conversation."""
    return isinstance(item, Mapping) and "messages" in item


def goes_on(messages: Any, options: Mapping[str, Any]) -> bool:
    """Whether the answer goes on with the last of `messages`: as `continue_final_message` says, else the assistant's.

    Raises:
        InputError: the option is something else.
    """
    wanted = options["continue_final_message"]
    if wanted not in (True, False, None):
        raise InputError(f"continue_final_message is {wanted!r}; it is True, False or None")
    if wanted is None:
        last = messages[-1] if isinstance(messages, Sequence) and messages else None
        return isinstance(last, Mapping) and last.get("role") == "assistant"
    return bool(wanted)


def with_answer(messages: Sequence[Any], written: str, *, goes_on: bool) -> list[Any]:
    """Return `messages` and the assistant's answer: behind what the last of them says, or as a message of its own."""
    if not goes_on:
        return [*messages, {"role": "assistant", "content": written}]
    last = _extended(messages[-1], written)
    return [*messages[:-1], {name: last[name] for name in ("role", "content")}]  # all that the pipeline keeps


def _extended(message: Mapping[str, Any], written: str, index: int | None = None) -> dict[str, Any]:
    """Return `message` with `written` behind its text, or behind the last of its parts that are text.

    Raises:
        InputError: it has no text.
    """
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": content + written}
    parts = list(content) if isinstance(content, list | tuple) else []
    for place in reversed(range(len(parts))):
        if isinstance(parts[place], Mapping) and isinstance(parts[place].get("text"), str):
            parts[place] = {**parts[place], "text": parts[place]["text"] + written}
            return {**message, "content": parts}
    raise InputError("the last message is to be continued, and has no text", index=index)


def rendered(
    checkpoint: Checkpoint, item: Mapping[str, Any], options: Mapping[str, Any], *, index: int
) -> str:
    """Return the prompt of `item`, {"messages": [...]} and, if you like, "tools"; `options` are those of OPTIONS.

    Raises:
        InputError: the messages are none, the template refuses them, or an option is none.
        CheckpointError: the checkpoint has no chat template, or jinja2 is not installed.
    """
    if stray := set(item) - {"messages", "tools"}:
        raise InputError(
            f'holds {sorted(stray)[0]!r}; a chat is {{"messages": [...], "tools": [...]}}', index=index
        )
    messages, tools = _plain(item["messages"]), _plain(item.get("tools"))
    if not isinstance(messages, list) or not messages:
        raise InputError("messages is no list with at least one message", index=index)
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise InputError('a message is {"role": ..., "content": ...}', index=index)
    arguments = options["chat_template_kwargs"] or {}
    if not isinstance(arguments, Mapping):
        raise InputError(f"chat_template_kwargs is {arguments!r}; it is a dictionary")
    going_on = goes_on(messages, options)
    if going_on:
        messages = [*messages[:-1], _extended(messages[-1], _GOES_ON, index)]
    source = _template(checkpoint, with_tools=bool(tools))
    compiled = _compiled(source)
    from jinja2.exceptions import TemplateError

    values = {
        "documents": None,
        "add_generation_prompt": not going_on,
        **_special(checkpoint),
        **_plain(dict(arguments)),
    }
    try:
        prompt: str = compiled.render(messages=[_reasoned(each) for each in messages], tools=tools, **values)
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise InputError(
            f"the checkpoint's chat template refuses the messages: {error}", index=index
        ) from error
    if going_on:
        end = prompt.rfind(_GOES_ON.strip())
        if end < 0:
            raise InputError(
                "the last message is to be continued, and the checkpoint's chat template leaves its end out",
                index=index,
            )
        kept = prompt[:end]
        # A template that trims a message would have trimmed it here.
        return kept if prompt.startswith(_GOES_ON, end) else kept.rstrip()
    return prompt


def begins_text(checkpoint: Checkpoint, prompt: str) -> bool:
    """Whether `prompt` begins with the token that begins a text, so that a tokenizer must not add it again."""
    begin = _special(checkpoint).get("bos_token")
    return begin is not None and prompt.startswith(begin)


def _template(checkpoint: Checkpoint, *, with_tools: bool) -> str:
    """Return the template's text: chat_template.jinja, else that of tokenizer_config.json, of several the fitting."""
    path = checkpoint.folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    older = checkpoint.json("chat_template.json").get("chat_template")  # of a processor, before release 5
    written = older or checkpoint.json("tokenizer_config.json").get("chat_template")
    if isinstance(written, list):  # {"name", "template"} each
        named = {str(each.get("name")): each.get("template") for each in written if isinstance(each, dict)}
        written = (named.get("tool_use") if with_tools else None) or named.get("default")
    if not isinstance(written, str):
        raise CheckpointError(
            f"{checkpoint.folder}: has no chat template, neither chat_template.jinja nor one in tokenizer_config.json; "
            "give a prompt as text"
        )
    return written


def _special(checkpoint: Checkpoint) -> dict[str, str]:
    """Return the texts of the special tokens that the checkpoint names."""
    found: dict[str, str] = {}
    for file in ("special_tokens_map.json", "tokenizer_config.json"):
        for name in _SPECIAL:
            written = checkpoint.json(file).get(name)
            text = written.get("content") if isinstance(written, dict) else written
            if isinstance(text, str):
                found[name] = text
    return found


def _reasoned(message: dict[str, Any]) -> dict[str, Any]:
    """Return `message` with its reasoning under the names that templates read."""
    reasoning = next((message[name] for name in _REASONING if message.get(name) is not None), None)
    return (
        message if reasoning is None else {"thinking": reasoning, **message, "reasoning_content": reasoning}
    )


def _plain(value: Any) -> Any:
    """Return `value` with nothing but JSON's own types in it: a template comes from strangers and sees no object."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(each) for each in value]
    return f"<{type(value).__name__}>"


@lru_cache(maxsize=16)
def _compiled(source: str) -> Any:
    """Return the compiled template, in the sandbox and with the names that transformers gives it."""
    try:
        import jinja2
        from jinja2.ext import Extension, loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ModuleNotFoundError as error:
        raise CheckpointError(
            "a chat template needs jinja2: python -m pip install 'jinja2>=3.1.6'"
        ) from error

    class Generation(Extension):
        """Renders what stands between {% generation %} and {% endgeneration %}, marks for training, as it is."""

        tags = {"generation"}  # noqa: RUF012  # jinja2's own form

        def parse(self, parser: Any) -> Any:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    class Namespace(jinja2.utils.Namespace):
        """Jinja's own, without names that lead to the interior of Python."""

        def __setitem__(self, name: str, value: Any) -> None:
            if str(name).startswith("_"):
                raise jinja2.exceptions.SecurityError(f"a chat template must not set {name!r}")
            super().__setitem__(name, value)

    def refuse(message: str) -> None:
        raise jinja2.exceptions.TemplateError(message)

    def to_json(value: Any, ensure_ascii: bool = False, **form: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **form)

    def now(form: str) -> str:
        from datetime import datetime

        return datetime.now().strftime(form)  # the user's own clock, as in transformers

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = to_json
    environment.globals.update(raise_exception=refuse, strftime_now=now, namespace=Namespace)
    try:
        return environment.from_string(source)
    except jinja2.exceptions.TemplateError as error:
        raise CheckpointError(f"the checkpoint's chat template is no template: {error}") from error
