"""What model classes raise, and how it is told."""

from __future__ import annotations

import re
from typing import Final

from huggingface_hub.errors import StrictDataclassError

FOREIGN: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    OSError,
    RuntimeError,
    StopIteration,
    StrictDataclassError,
    TypeError,
    ValueError,
)
"""What a model class raises when it cannot be built or run; anything else ends the process and is a crash."""


def first_line(error: BaseException) -> str:
    """Return the class and first line of what went wrong, short enough for a table.

    A validator of a configuration says what is wrong in its cause: its own first line names the validator only.
    """
    if isinstance(error, StrictDataclassError) and error.__cause__ is not None:
        error = error.__cause__
    if (needed := re.search(r"^\s*(\w+) requires the (\w+) library", str(error))) is not None:
        return f"needs {needed[2]}: {needed[1]} cannot be made without it"
    if (needed := re.search(r"^You need to install (\w+) to use", str(error))) is not None:
        return f"needs {needed[1]}: it is not installed"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"needs {error.name}: it is not installed"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."
