"""`ipfs-accelerate run`: one checkpoint, some inputs, the answers."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from ipfs_accelerate_py.cli import console
from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.dispatch import load

HELP = """Run a checkpoint on texts or image files.

The checkpoint is a folder, a bundle's folder or a Hub id. An input is a text, the path of an image, a JSON object
where the task takes one, or - for standard input, one input per line.

\b
Examples:
  ipfs-accelerate run ./all-MiniLM-L6-v2 "A cat sat on the mat."
  ipfs-accelerate run ./my-bert "A [MASK] sat on the mat." --task fill-mask --backend openvino
  ipfs-accelerate run ./my-bert '{"question": "Who sat?", "context": "A cat sat."}' --task question-answering
  ipfs-accelerate run ./my-vit cat.jpg dog.png --option top_k=1 --json
  ipfs-accelerate run ./my-gemma3 '{"text": "<start_of_image> What is this?", "images": "cat.jpg"}'
"""
_LONG = 8  # numbers of a list that a table shows


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        "run", help=HELP, short_help="Run a checkpoint on texts or images, on the best proved backend."
    )(run)


def run(
    checkpoint: Annotated[str, typer.Argument(help="A folder, a bundle's folder or a Hub id.")],
    inputs: Annotated[
        list[str], typer.Argument(help="Texts, image files, JSON objects, or - for standard input.")
    ],
    *,
    task: Annotated[
        str | None, typer.Option(help="Default: the one that the checkpoint was trained for.")
    ] = None,
    backend: Annotated[str | None, typer.Option(help="Default: the one that evidence favours.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="An option of the task, NAME=VALUE; more than once.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False,
) -> None:
    """Load, answer, print."""
    items = [item for given in inputs for item in _items(given)]
    if not items:  # said before a model is loaded
        raise InputError("standard input holds no text; give one per line")
    options = dict(_option(each) for each in option or ())
    handler = load(checkpoint, task, backend)
    answers = handler(items, **options)
    if as_json:
        console.print_json(answers)
        return
    console.say(f"{handler.task} on {handler.place.backend} ({handler.place.device}): {handler.reason}")
    for item, answer in zip(items, answers, strict=True):
        shown = {
            name: _short(value)
            for name, value in answer.items()
            if name not in {"model", "task", "backend", "device"}
        }
        console.print_table(("", item if isinstance(item, str) else json.dumps(item)), shown.items())


def _items(given: str) -> list[Any]:
    if given != "-":
        return [_item(given)]
    try:
        lines = sys.stdin.buffer.read().decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"standard input is not UTF-8 at byte {error.start}; convert it first") from error
    return [_item(line) for line in lines if line.strip()]


def _item(given: str) -> Any:
    if not given.startswith("{"):
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{given[:60]!r} begins like a JSON object but is none: {error}") from error


def _option(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals:
        raise InputError(f"--option {given!r} has no value; write NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value  # a bare word is a text


def _short(value: Any) -> str:
    if isinstance(value, list) and len(value) > _LONG and not isinstance(value[0], dict):
        return f"{json.dumps(value[:_LONG])[:-1]}, ... {len(value)} in all]"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
