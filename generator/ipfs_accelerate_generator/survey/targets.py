"""What a decoder writes about a picture: beside the text that asks, and where the text is nothing else."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from ipfs_accelerate_generator.survey.senses import source
from ipfs_accelerate_generator.survey.sheet import plain
from ipfs_accelerate_generator.survey.subject import Candidate

_TEXT: Final = "input_ids"
_SEEN: Final = "pixel_values"
_WRITTEN: Final = "decoder_input_ids"
_MOVES: Final = "shift_tokens_right"
"""The function by which classes make of what is to be written what has been written before each token."""


def decoded(candidate: Candidate, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names` with ids for the decoder of a class that reads a picture and a text and writes behind them.

    Given none, such a class begins anew whatever it wrote. Some take what they are to write under the name of a text,
    and move it by one place: then the ids stand instead of the text.
    """
    signature = inspect.signature(candidate.call).parameters
    if _TEXT not in names or not {_SEEN, _WRITTEN} <= {*signature} or _WRITTEN in names:
        return names
    kept = {*names, _SEEN, _WRITTEN}
    if _only_written(candidate.model.config_class):
        kept -= {_TEXT, "attention_mask"}
    elif not getattr(plain(candidate.model.config_class), "is_encoder_decoder", False):
        return names
    return tuple(name for name in signature if name in kept)


@cache
def _only_written(config: Any) -> bool:
    """Whether all that reads pictures and writes in the module of `config` moves its text, or hands it on, and no more.

    A class that looks its text up among its vectors as well (`models/florence2`) is asked something by it.
    """
    tree = ast.parse(source(config))
    forwards = [
        each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name == "forward"
    ]
    both = [each for each in forwards if {_SEEN, _WRITTEN, _TEXT} <= {arg.arg for arg in each.args.args}]
    uses = [use for each in both for use in _uses(each)]
    return _MOVES in uses and {*uses} <= {_MOVES, _TEXT}


def _uses(function: ast.FunctionDef) -> Iterator[str]:
    """Yield for each reading of the text what it goes into: a keyword's or a function's name, "" for anything else."""
    told = {}
    for node in ast.walk(function):
        if isinstance(node, ast.keyword):
            told[node.value] = node.arg or ""
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            told |= {each: node.func.id for each in node.args}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == _TEXT:
            yield told.get(node, "")
