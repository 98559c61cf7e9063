"""A TOML file that knows, when something in it is wrong, on which line that stands."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias

from ipfs_accelerate_generator.values import SpecError

KeyPath: TypeAlias = tuple[str | int, ...]

LARGEST_FILE: Final = 1_000_000  # bytes; the largest surveyed file is a hundredth of that


@dataclass(frozen=True)
class TomlSource:
    """The text of one file and what it says; made by `read`."""

    path: Path
    text: str
    data: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> TomlSource:
        """Return the parsed file.

        Raises:
            SpecError: the file is missing, too large or not TOML; file, line and fix.
        """
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            raise SpecError(f"{path}: there is no such file; {_remedy(path)}") from None
        except OSError as error:
            raise SpecError(f"{path}: cannot be read: {error.strerror}; {_remedy(path)}") from error
        if len(raw) > LARGEST_FILE:
            raise SpecError(f"{path}: has {len(raw)} bytes, more than any spec; {_remedy(path)}")
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise SpecError(f"{path}:{line}: is not UTF-8 text; {_remedy(path)}") from None
        text = text.replace("\r\n", "\n")
        try:
            return cls(path, text, tomllib.loads(text))
        except RecursionError:
            raise SpecError(f"{path}:1: is nested too deeply; {_remedy(path)}") from None
        except ValueError as error:  # TOMLDecodeError, and int()'s own refusal of thousands of digits
            line, fact = _torn_at(str(error), text)
            raise SpecError(f"{path}:{line}: is not valid TOML: {fact}; {_remedy(path)}") from None

    def has(self, key: KeyPath) -> bool:
        """Whether the file says anything under `key`."""
        return _has(self.data, key)

    def line_of(self, key: KeyPath) -> int:
        """Return the line on which the statement that sets `key` begins; 1 if no statement does.

        A prefix of the file that parses ends between two statements. So the statement is what lies between
        the longest such prefix without the key and the shortest with it, however its value is laid out.
        """
        lines = self.text.split("\n")
        known, low, high = len(lines), 0, len(lines)
        if not key or not self.has(key):
            return 1
        while low < high:
            middle = (low + high) // 2
            end, data = _next_whole(lines, middle)
            if _has(data, key):
                known, high = end, middle
            else:
                low = end + 1
        start = _last_whole(lines, known - 1)
        while start < known - 1 and lines[start].lstrip()[:1] in ("", "#"):
            start += 1
        return start + 1

    def refuse(self, key: KeyPath, fact: str) -> NoReturn:
        """Raise the error that says `fact` with the file and the line of `key`."""
        raise SpecError(f"{self.path}:{self.line_of(key)}: {fact}", key=key)


def _has(data: Any, key: KeyPath) -> bool:
    try:
        for part in key:
            data = data[part]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _parsed(lines: list[str], count: int) -> dict[str, Any] | None:
    try:
        return tomllib.loads("\n".join(lines[:count]) + "\n")
    except tomllib.TOMLDecodeError:
        return None


def _next_whole(lines: list[str], count: int) -> tuple[int, dict[str, Any]]:
    """Return the smallest number of lines, at least `count`, that parse, and what they say."""
    while (data := _parsed(lines, count)) is None:
        count += 1
    return count, data


def _last_whole(lines: list[str], count: int) -> int:
    """Return the largest number of lines, at most `count`, that parse."""
    while _parsed(lines, count) is None:
        count -= 1
    return count


def _torn_at(message: str, text: str) -> tuple[int, str]:
    found = re.fullmatch(
        r"(?P<fact>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", message, re.DOTALL
    )
    if found is None:
        return text.rstrip("\n").count("\n") + 1, message.removesuffix(" (at end of document)")
    return int(found["line"]), f"{found['fact']} in column {found['column']}"


def _remedy(path: Path) -> str:
    match path.parent.name:
        case "surveyed":
            return f"write it again with `ipfs-accelerate survey {path.stem}`"
        case "findings":
            return "take the last good one from git, or write it again with `ipfs-accelerate adopt`"
        case _:
            return "correct it by hand"
