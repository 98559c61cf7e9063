"""The unit of evidence: one task of one model type on one backend in one precision."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ipfs_accelerate_py.errors import AccelerateError

ANY = "*"  # the place of a task or backend in a test that concerns the whole module
DIMENSIONS = ("task", "backend", "precision")  # the pytest parameters that choose a cell

_OUTSIDE = re.compile(r"[^a-z0-9_]")


class EvidenceError(AccelerateError, ValueError):
    """A line of evidence, or a test that should give some, that cannot be understood."""


@dataclass(frozen=True, order=True)
class Cell:
    """What a verdict is about."""

    model_type: str
    task: str
    backend: str
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name in ("model_type", *DIMENSIONS):
            value = getattr(self, name)
            if not isinstance(value, str) or not value or not value.isprintable():
                raise EvidenceError(f"cell: {name} must be a printable, non-empty string, not {value!r}")

    def __str__(self) -> str:
        return f"{self.model_type}, {self.task}, {self.backend}, {self.precision}"


def file_stem(model_type: str) -> str:
    """Return `model_type` as it appears in file names: "xlm-roberta" is kept in `hf_xlm_roberta.py`."""
    return _OUTSIDE.sub("_", model_type.lower())


def cell(model_type: str, parameters: Mapping[str, object]) -> Cell:
    """Return the cell that a test's parameters choose; a dimension that is not a parameter is `ANY`.

    Precision is the exception: a test that does not name it was run in float32.
    """
    chosen = {}
    for name in DIMENSIONS:
        if name in parameters:
            value = parameters[name]
            if not isinstance(value, str):
                raise EvidenceError(f"test parameter {name!r} must be a string, not {value!r}")
            chosen[name] = str(value)  # a StrEnum member becomes its plain value
    return Cell(
        model_type, chosen.get("task", ANY), chosen.get("backend", ANY), chosen.get("precision", "float32")
    )


def property_name(function: str, parameters: Mapping[str, object], identifier: str) -> str:
    """Return the name of the property a test states: its function, and the parameters that choose no cell.

    Args:
        function: the name of the test function, without parameters.
        parameters: all parameters of the test.
        identifier: pytest's own text for them, used where a value has no short text of its own.
    """
    others = {name: value for name, value in parameters.items() if name not in DIMENSIONS}
    if not others:
        return function
    if all(isinstance(value, str | int | float | bool) for value in others.values()):
        return f"{function}[{', '.join(f'{name}={value}' for name, value in others.items())}]"
    return f"{function}[{identifier}]"
