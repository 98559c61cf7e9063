"""What model classes raise."""

from __future__ import annotations

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
