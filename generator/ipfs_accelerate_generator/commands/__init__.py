"""The generator's commands of `ipfs-accelerate`, one module each, which adds itself by `add(app)`.

The modules are light: what a command needs beside its options it imports when it runs.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import typer

COMMANDS: Final = (
    "survey",
    "sync",
    "generate",
    "check",
    "tree",
    "test",
    "adopt",
    "loop",
    "template",
    "vendor",
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program in the order of the loop, without those that have no file yet."""
    for name in COMMANDS:
        module = f"{__name__}.{name}"
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module).add(app)
