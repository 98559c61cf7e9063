"""`ipfs-accelerate coverage`: which model types work on which backends, by evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipfs_accelerate_py import locations
from ipfs_accelerate_py.cli.console import print_json, print_table, say
from ipfs_accelerate_py.errors import unknown
from ipfs_accelerate_py.hardware.backend import backend as backend_called
from ipfs_accelerate_py.registry import coverage
from ipfs_accelerate_py.registry.verdicts import Outlook, verdicts
from ipfs_accelerate_py.skills.task import task as task_called

COLUMNS = ("model type", "task", "backend", "verdict", "largest difference", "route", "reason")


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("coverage")(_coverage)


def _coverage(
    model_types: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL_TYPE", help="The model types to show; all if none is named."),
    ] = None,
    *,
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
    backend: Annotated[str | None, typer.Option(help="Only this backend.")] = None,
    verdict: Annotated[Outlook | None, typer.Option(help="Only what has this verdict.")] = None,
    root: Annotated[Path, typer.Option(help="The workspace.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: totals, then the verdicts.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """Say which model types work on which backends, and why the others do not.

    Each verdict is that of the text that was tested last. Totals are over all that is shown.

    \b
    Examples:
      ipfs-accelerate coverage
      ipfs-accelerate coverage bert vit --backend openvino
      ipfs-accelerate coverage --verdict broken --markdown
      ipfs-accelerate coverage --json
    """
    found = coverage.rows(verdicts(locations.results_file(root)), coverage.offered(root))
    known = sorted({row.cell.model_type for row in found})
    for name in model_types or ():
        if name not in known:
            raise unknown("model type", name, known)
    if task is not None:
        wanted_task = task_called(task)
        found = tuple(row for row in found if row.cell.task == wanted_task)
    if backend is not None:
        wanted_backend = str(backend_called(backend))
        found = tuple(row for row in found if row.cell.backend == wanted_backend)
    if model_types:
        found = tuple(row for row in found if row.cell.model_type in model_types)
    if verdict is not None:
        found = tuple(row for row in found if row.outlook is verdict)
    counts = coverage.totals(found, overrides=coverage.overrides(root))
    if as_json:
        print_json({"totals": counts, "verdicts": [row.to_json() for row in found]})
    elif as_markdown:
        say(coverage.markdown(found, counts).rstrip("\n"))
    else:
        print_table(COLUMNS, [coverage.words(row) for row in found])
        say(", ".join(f"{name.replace('_', ' ')} {number}" for name, number in counts.items()))
