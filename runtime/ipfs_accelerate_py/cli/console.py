"""What the commands print with: one style of table, JSON and progress, on a terminal and in a pipe alike.

Results go to stdout; progress and errors go to stderr, so that a result can be piped. Text is printed as it
is: nothing in it is taken for markup. rich honours NO_COLOR, and leaves colours out where nobody sees them.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 10_000  # in a pipe a row stays one line, however long, so that grep and cut can use it


def out() -> Console:
    """Return the console of results: stdout."""
    return _console(stderr=False)


def err() -> Console:
    """Return the console of progress, notices and errors: stderr."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    width = None if (sys.stderr if stderr else sys.stdout).isatty() else PIPE_WIDTH
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=width)


def say(text: str) -> None:
    """Print a line of a result."""
    out().print(Text(text))


def print_json(value: Any) -> None:
    """Print `value` as indented JSON that keeps the order of its keys."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print `rows` under `columns`; None is an empty cell, and numbers stand to the right."""
    console, kept = out(), [list(row) for row in rows]
    shape = box.SIMPLE_HEAD if console.is_terminal else None
    table = Table(title=title or None, title_justify="left", box=shape, show_edge=False, pad_edge=False)
    for index, column in enumerate(columns):
        numbers = bool(kept) and all(isinstance(row[index], int | float | None) for row in kept)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in kept:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        print(line.rstrip())  # rich pads every row to the width of the widest


@contextlib.contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show how far a piece of work of `total` steps is; call what is given with a step's name as it begins.

    On a terminal it is a bar that vanishes at the end; elsewhere each step is a line.
    """
    console = err()
    begun = 0
    if not console.is_terminal:

        def line(name: str) -> None:
            nonlocal begun
            begun += 1
            console.print(Text(f"{title} {begun}/{total}: {name}"))

        yield line
        return
    text = TextColumn("{task.description}", markup=False)
    with Progress(
        text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True
    ) as shown:
        task = shown.add_task(title, total=total)

        def step(name: str) -> None:
            nonlocal begun
            shown.update(task, completed=begun, description=f"{title}: {name}")
            begun += 1

        yield step


def size(number: int) -> str:
    """Return a number of bytes as people write it: 83 MB, 1.2 GB (powers of ten, as disks are sold)."""
    value, unit = float(number), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
