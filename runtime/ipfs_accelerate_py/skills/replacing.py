"""Functions of other libraries, replaced for a while."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(*places: tuple[Any, str, Any]) -> Iterator[None]:
    """Within this, each (owner, name, replacement) holds."""
    # As it is written, so that a static method is one again.
    usual = [(owner, name, inspect.getattr_static(owner, name)) for owner, name, _ in places]
    for owner, name, new in places:
        setattr(owner, name, new)
    try:
        yield
    finally:
        for owner, name, old in reversed(usual):
            setattr(owner, name, old)


def in_models(functions: Mapping[str, Any], beside: str = "") -> list[tuple[Any, str, Any]]:
    """Return the places of `functions` in the modelling modules of transformers that are loaded.

    With `beside`, only in those that have a function of that name, too.
    """
    return [
        (module, name, new)
        for module in _modules()
        for name, new in functions.items()
        if name in vars(module) and (not beside or beside in vars(module))
    ]


def in_classes(functions: Mapping[str, Any], method: str) -> list[tuple[Any, str, Any]]:
    """Return the places of `method` in the classes that `functions` names, in modelling modules that are loaded."""
    return [(getattr(module, name), method, new) for module, name, new in in_models(functions)]


def around(makers: Mapping[str, Callable[[Any], Any]], method: str) -> list[tuple[Any, str, Any]]:
    """Return the same places with what each class's maker makes of the usual method."""
    return [(owner, name, maker(getattr(owner, name))) for owner, name, maker in in_classes(makers, method)]


def classes_with(method: str) -> list[Any]:
    """Return the classes with a `method` of their own, in modelling modules that are loaded."""
    members = [each for module in _modules() for each in vars(module).values()]
    return [each for each in dict.fromkeys(filter(inspect.isclass, members)) if method in vars(each)]


def classes_beside(function: str) -> list[Any]:
    """Return the classes in modelling modules that are loaded and have that `function`."""
    members = [each for module in _modules() if function in vars(module) for each in vars(module).values()]
    return list(dict.fromkeys(filter(inspect.isclass, members)))


def with_class(ending: str) -> list[Any]:
    """Return the modelling modules that are loaded and have a class whose name ends so."""
    return [module for module in _modules() if any(name.endswith(ending) for name in vars(module))]


def _modules() -> list[Any]:
    return [module for name, module in list(sys.modules.items()) if name.startswith("transformers.models.")]
