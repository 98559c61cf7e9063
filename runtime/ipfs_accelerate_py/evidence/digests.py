"""Short names for texts: the first twelve hexadecimal digits of their SHA-256."""

from __future__ import annotations

import hashlib
import re

_DIGEST = re.compile(r"[0-9a-f]{12}\Z")


def digest(text: str) -> str:
    """Return twelve hexadecimal digits that stand for `text`; 48 bits tell a few million texts apart."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def is_digest(text: object) -> bool:
    """Whether `text` could have come from `digest`."""
    return isinstance(text, str) and _DIGEST.match(text) is not None
