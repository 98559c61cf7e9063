"""What the child process of a probe says to its parent, a JSON line at a time."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import asdict
from typing import Any, Final, TextIO

import numpy as np

from ipfs_accelerate_py.hardware.answer import Device

# Small whole numbers: exact in float16 and TF32 too, so a right answer is exactly right on every device.
MATRIX: Final = [[1.0, 2.0], [3.0, 4.0]]
SQUARE: Final = [[7.0, 10.0], [15.0, 22.0]]


class Report:
    """Tells the parent what is about to be tried and what worked, so that it knows where a crash happened."""

    def __init__(self, to: TextIO, skipped: tuple[str, ...] = ()) -> None:
        self._to = to
        self._skipped = skipped

    def _say(self, **event: object) -> None:
        print(json.dumps(event), file=self._to, flush=True)

    def detail(self, name: str, value: object) -> None:
        """Tell a fact."""
        self._say(detail=name, value=str(value))

    def trying(self, device: str) -> bool:
        """Tell that `device` is tried next; return False if it failed before and is to be left alone."""
        if device in self._skipped:
            return False
        self._say(trying=device)
        return True

    def works(self, device: Device, found: Any) -> None:
        """Tell that `device` works, if the square that it `found` is right.

        Raises:
            ArithmeticError: it is wrong.
        """
        square = np.asarray(found).tolist()
        if square != SQUARE:
            raise ArithmeticError(f"{device.id} computed {square} instead of {SQUARE}")
        self._say(device=asdict(device))

    def absent(self, reason: str, install: str) -> None:
        """Tell why the backend is not here and what would bring it."""
        self._say(absent=reason, install=install)


def installed(module: str) -> bool:
    """Return whether a top-level module is there, without importing it."""
    return importlib.util.find_spec(module) is not None


def extra(name: str) -> str:
    """Return the instruction to install one of this package's extras, quoted as a shell wants it."""
    return f"install it with: python -m pip install {name}"
