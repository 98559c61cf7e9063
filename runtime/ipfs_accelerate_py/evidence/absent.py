"""What this machine lacks, for which a generated test is skipped: a backend, or a library that a class asks for."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")

# As `transformers.utils.requires_backends` words it; pytest puts a letter before each line of what a file raised.
_ASKED = re.compile(r"^(?:E\s)?\s*(\w+) requires the (\w+) library but it was not found", re.MULTILINE)


def lacks(backend: str) -> None:
    """Skip the running test if this machine cannot compute on `backend`; its probe says why."""
    import pytest

    if reason := _missing(backend):
        pytest.skip(f"this machine lacks {backend}: {reason}")


@cache
def _missing(backend: str) -> str:
    """Return why this machine cannot compute on `backend`, "" if it can: it is the same for every test of a process."""
    from ipfs_accelerate_py.hardware.probe import probe

    found = probe(backend)
    return "" if found.available else found.reason or "its probe does not say why"


def or_skipped(made: Callable[Given, Made]) -> Callable[Given, Made]:
    """Return `made`, which skips the running test where transformers says that its class needs a library not here.

    Some classes are those of another library inside, such as timm, which transformers does without. What such a class
    is made of, and whatever else goes wrong, is no matter of this: any other error is the test's own.
    """

    @wraps(made)
    def maker(*given: Given.args, **named: Given.kwargs) -> Made:
        import pytest

        try:
            return made(*given, **named)
        except ImportError as error:
            if reason := missing_library(str(error)):
                pytest.skip(reason)
            raise

    return maker


def missing_library(raised: str) -> str:
    """Return which library this machine lacks, by the text of an error; "" where it is about something else."""
    asked = _ASKED.search(raised)
    return f"this machine lacks {asked[2]}, without which {asked[1]} cannot be made" if asked else ""
