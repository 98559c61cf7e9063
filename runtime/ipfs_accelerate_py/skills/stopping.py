"""When a text ends: at a token that ends it, or at a string that the user does not want to read past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ipfs_accelerate_py.errors import InputError

Decode = Callable[[Sequence[int]], str]  # the text of ids, special ones included


@dataclass(frozen=True)
class Stops:
    """The tokens and the strings that end a text; what ends it is still part of it."""

    ends: frozenset[int]
    strings: tuple[str, ...] = ()
    decode: Decode | None = None

    def __call__(self, ids: Sequence[int], new: int) -> bool:
        """Whether the last of `ids` ends the text, of which the last `new` were written and the others read.

        As in transformers, a string may begin in the prompt, but it ends within the last token.
        """
        if ids[-1] in self.ends:
            return True
        if not self.strings or self.decode is None:
            return False
        tail = list(
            ids[-max(len(each.encode()) for each in self.strings) - 2 :]
        )  # a token is a byte at least
        before, text = len(self.decode(tail[:-1])), self.decode(tail)
        return any(text.find(each, max(before - len(each) + 1, 0)) >= 0 for each in self.strings)


def strings(given: object) -> tuple[str, ...]:
    """Return the option stop_strings as strings.

    Raises:
        InputError: it is neither None, nor a string, nor a list of strings; or one of them is empty.
    """
    if given is None:
        return ()
    found = (given,) if isinstance(given, str) else given
    if not isinstance(found, list | tuple) or not all(isinstance(each, str) for each in found):
        raise InputError(f"stop_strings is {given!r}; it is a string or a list of strings")
    if not all(found):
        raise InputError(
            "stop_strings has an empty string, at which every text would end at once; leave it out"
        )
    return tuple(found)
