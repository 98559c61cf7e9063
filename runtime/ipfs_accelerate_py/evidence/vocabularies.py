"""Small tokenizers of classes that know no tokenizer.json: made offline, of the files that a class is made of."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ipfs_accelerate_py.evidence.merges import merges
from ipfs_accelerate_py.evidence.tiny import TEXTS, trained

WRITTEN: Final = re.compile(r"""["'](<[^"'<>\s]{1,40}>|\[[A-Z_]{2,20}\])["']""")
"""A token that stands in a text of Python."""
_MERGES: Final = 40
_LAST: Final = "</w>"
# How classes spell a piece: as it is, the last of a word, one before others, and one after others.
_SPELLINGS: Final = ("{}", f"{{}}{_LAST}", "{}@@", "##{}")
_KINDS: Final = 64  # of what a file says of each piece beside its place: many pieces share it
# What needs a library beside transformers by default, and checkpoints do without: the sounds of English letters.
_PLAIN: Final = {"phonemize": False}


def small(tokenizer_class: Any) -> Any:
    """Return a small tokenizer of `tokenizer_class` that knows the words of `TEXTS`.

    Raises:
        ImportError: the class needs a library that is not installed.
        LookupError: it is made of a file of which nobody wrote here what stands in it.
    """
    from transformers import TokenizersBackend

    takes = inspect.signature(tokenizer_class.__init__).parameters
    if issubclass(tokenizer_class, TokenizersBackend):
        return trained(tokenizer_class)
    files = {name: file for name, file in tokenizer_class.vocab_files_names.items() if name in takes}
    settings: dict[str, Any] = {name: value for name, value in _PLAIN.items() if name in takes}
    found = merges(_words(), _MERGES, _LAST)
    pieces = _pieces(tokenizer_class, ("".join(pair) for pair in found))
    with TemporaryDirectory() as folder:
        for name, file in files.items():
            path = Path(folder) / file
            path.write_text(_content(name, path.suffix, pieces, found), encoding="utf-8")
            settings[name] = str(path)
        return tokenizer_class(**settings)


def _content(name: str, kind: str, pieces: list[str], found: list[tuple[str, str]]) -> str:
    """Return what stands in the file that a class calls `name`, whose name ends in `kind`."""
    if name.startswith("merges"):
        return "".join(f"{line}\n" for line in ("#version: 0.2", *(" ".join(pair) for pair in found)))
    if name.startswith("emoji"):
        return json.dumps({"emoji": {}, "emoji_inv": {}})
    if kind == ".json":
        count = len(pieces) if "vocab" in name else _KINDS
        return json.dumps({piece: place % count for place, piece in enumerate(pieces)})
    if kind in (".txt", ".tokenizer"):
        return "".join(f"{piece}\n" for piece in pieces)
    raise LookupError(f"nobody wrote here what stands in a file {name} that ends in {kind}")


def _pieces(tokenizer_class: Any, joined: Iterable[str]) -> list[str]:
    """Return the special tokens of a class and those that its source speaks of, then letters and `joined` ones."""
    takes = inspect.signature(tokenizer_class.__init__).parameters
    special: list[str] = []
    for name, each in takes.items():
        if name.endswith("_token") and isinstance(each.default, str):
            special.append(each.default)
        elif name == "additional_special_tokens":
            special += each.default or ()
    letters = sorted({letter for text in TEXTS for letter in text + text.lower() if letter != " "})
    plain = [*letters, *(each.removesuffix(_LAST) for each in joined)]
    spelled = [spelling.format(each) for spelling in _SPELLINGS for each in plain]
    return list(dict.fromkeys([*special, *WRITTEN.findall(source_of(tokenizer_class)), *spelled]))


def _words() -> list[str]:
    return [word for text in TEXTS for word in text.lower().split()]


def source_of(processor_class: Any) -> str:
    """Return the text of the modules that `processor_class` and those it is made of stand in."""
    return "".join(
        inspect.getsource(importlib.import_module(each.__module__))
        for each in processor_class.__mro__
        if each.__module__.startswith("transformers.models.")
    )
