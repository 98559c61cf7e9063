"""A skill: the tasks of one model type, and the functions that load them on each backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ipfs_accelerate_py.errors import AccelerateError, BackendError, UnknownName, unknown
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.libraries import failures

if TYPE_CHECKING:
    from ipfs_accelerate_py.skills.handler import Handler
    from ipfs_accelerate_py.skills.head import Head

SURVEYED: Final = "5.23.0"
"""The release of transformers that the committed modules were generated from."""

Loader = Callable[..., "Handler"]
Exporter = Callable[[Checkpoint, str, Path], str]  # returns the name of its route


@dataclass(frozen=True)
class Skill:
    """What a generated module offers.

    `loaders` has one function per backend, in the order in which they were proved and are preferred where nothing was
    measured; `left_out` says why a (task, backend) pair is not offered.
    """

    model_type: str
    family: str
    heads: Mapping[str, Head]
    loaders: Mapping[str, Loader]
    exporters: Mapping[str, Exporter] = field(default_factory=dict)
    left_out: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def task(self, name: str) -> str:
        """Return `name` if the skill has that task.

        Raises:
            UnknownName: it has not; the message names those that it has.
        """
        if name in self.heads:
            return name
        near = unknown("task", name, self.heads)
        raise UnknownName(
            f"{self.model_type}: {near}"
            + ("" if "known are" in str(near) else f" It has: {', '.join(self.heads)}")
        )

    def backends(self, task: str) -> tuple[str, ...]:
        """Return the backends that offer `task`, in order of preference."""
        return tuple(name for name in self.loaders if (task, name) not in self.left_out)

    def load(self, checkpoint: Checkpoint, task: str, backend: str, **options: Any) -> Handler:
        """Return a handler of `checkpoint` for `task` on `backend`; `options` are those of its loader.

        Raises:
            UnknownName: the skill has no such task or backend, or the backend no such option.
            BackendError: the pair was left out (the message says why), the machine lacks the backend, its library
                refused the model, or the installed transformers lacks the class.
        """
        self.task(task)
        if backend not in self.loaders:
            raise unknown("backend", backend, self.loaders)
        if reason := self.left_out.get((task, backend)):
            raise BackendError(f"{self.model_type}: {task} on {backend} was left out: {reason}")
        for name in options:
            if name not in self.options(backend):
                raise unknown(f"{backend} option", name, self.options(backend))
        try:
            return self.loaders[backend](checkpoint, task, **options)
        except AccelerateError:
            raise
        except ImportError as error:
            if error.name != "transformers":
                raise
            first = str(error).partition(" (")[0]
            raise BackendError(
                f"{self.model_type}: transformers {version('transformers')} lacks a class of this skill: {first}; "
                f"it is in {SURVEYED}: python -m pip install 'transformers>={SURVEYED}'"
            ) from error
        except failures() as error:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise BackendError(
                f"{checkpoint.name}: {backend} could not load {task}: {first}; "
                "if it runs from a bundle, `ipfs-accelerate cache verify` tells whether that is damaged"
            ) from error

    def options(self, backend: str) -> tuple[str, ...]:
        """Return the names of the options that the loader of `backend` takes."""
        parameters = signature(self.loaders[backend]).parameters.values()
        return tuple(each.name for each in parameters if each.kind is Parameter.KEYWORD_ONLY)
