"""The errors of the public interface: each says where, what and what to do, and is also a built-in kind."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AccelerateError(Exception):
    """Anything this package refuses, so that one `except` can catch it all."""


class UnknownName(AccelerateError, ValueError):
    """A model type, task, backend or option that does not exist."""


class InputError(AccelerateError, ValueError):
    """Input data that cannot be used; `index` is its place in the list that was given, if there was one.

    Where several inputs of a list are wrong, `errors` says what is wrong with each, by its place.
    """

    def __init__(self, message: str, *, index: int | None = None) -> None:
        super().__init__(message if index is None else f"input {index}: {message}")
        self.index = index
        self.fact = message
        self.errors: dict[int, str] = {} if index is None else {index: message}

    @classmethod
    def of_several(cls, errors: dict[int, str]) -> InputError:
        """Return one error for what is wrong with several inputs; its `index` is the first of them."""
        first = min(errors)
        rest = "".join(f"; input {index}: {errors[index]}" for index in sorted(errors) if index != first)
        error = cls(errors[first] + rest, index=first)
        error.errors = dict(sorted(errors.items()))
        return error


class CheckpointError(AccelerateError, ValueError):
    """A checkpoint that is missing, damaged or refused."""


class BackendError(AccelerateError, RuntimeError):
    """A backend that this machine lacks, or that could not load the model."""


class BundleError(AccelerateError, RuntimeError):
    """An exported model that could not be made, or whose files are not what its manifest says."""


class WorkspaceError(AccelerateError, RuntimeError):
    """A file or folder that cannot be read or written."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """Return the error for a `kind` ("task", "backend", ...) called `name` that is not among `known`."""
    names = list(known)
    close = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    if close:
        hint = f"did you mean {' or '.join(repr(match) for match in close)}?"
    elif len(names) <= 40:
        hint = f"known are: {', '.join(names)}"
    else:
        hint = f"{len(names)} are known"
    return UnknownName(f"{kind} {name!r} is not known; {hint}")
