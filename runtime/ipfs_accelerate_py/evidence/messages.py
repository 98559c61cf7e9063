"""Why a test failed, in one line that holds no secret and no path of this machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

LONGEST = 300  # characters: a line in a table, in a TOML file and in a docstring

_PATH = re.compile(r"(?<![\w./~])/(?:[^\s/'\":,()\[\]]+/)+(?=[^\s/'\":,()\[\]])")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+@")
_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{30,}")
_NAMED = re.compile(
    r"(?i)\b(password|passwd|secret|api[_-]?key|(?:access|auth)[_-]token|bearer)(\s*[=:]\s*|\s+)\S+"
)
_SECRET_VARIABLE = re.compile(r"(?i)token|secret|password|credential|api_?key")


def clean(text: str) -> str:
    """Return the first useful line of `text` as it may be kept and committed.

    Directories are taken away (they differ between machines and between two runs), and so is what looks like
    a secret or is the value of an environment variable with such a name.
    """
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET_VARIABLE.search(name):
            line = line.replace(value, "***")
    line = _TOKEN.sub("***", _CREDENTIALS.sub("***@", _NAMED.sub(r"\1\2***", line)))
    home = str(Path("~").expanduser())
    if len(home) > 1:
        line = re.sub(re.escape(home) + r"(?=/|\b)", "~", line)
    line = _PATH.sub("…/", re.sub(r"(?<![\w.])~/(?:[^\s/'\":,()\[\]]+/)+", "…/", line))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def reason(error: BaseException, where: str) -> str:
    """Return why `error` was raised; where it does not say so itself, at which statement (`where`)."""
    return clean(str(error)) or clean(f"at {where}")
