"""`ipfs-accelerate coverage`: which model types work on which backends, by evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from ipfs_accelerate_py import locations
from ipfs_accelerate_py.cli.console import print_json, print_table, say
from ipfs_accelerate_py.errors import unknown
from ipfs_accelerate_py.evidence.environment import Environment
from ipfs_accelerate_py.hardware.backend import backend as backend_called
from ipfs_accelerate_py.registry import exports
from ipfs_accelerate_py.registry.coverage.change import Change, changes, earlier
from ipfs_accelerate_py.registry.coverage.current import current
from ipfs_accelerate_py.registry.coverage.markdown import markdown
from ipfs_accelerate_py.registry.coverage.page import page
from ipfs_accelerate_py.registry.coverage.rows import Row, offered, rows, words
from ipfs_accelerate_py.registry.coverage.totals import overrides, totals
from ipfs_accelerate_py.registry.verdicts import Outlook, Verdict, environments, verdicts
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
    evidence: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Read the Parquet files in FOLDER, not the database."),
    ] = None,
    only_current: Annotated[
        bool, typer.Option("--current", help="Count only what was seen of the modules as they are now.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Say what is different from FILE, an earlier output with --json."),
    ] = None,
    root: Annotated[Path, typer.Option(help="The workspace.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: totals, then the verdicts.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_html: Annotated[bool, typer.Option("--html", help="Print one HTML page with filters.")] = False,
) -> None:
    """Say which model types work on which backends, and why the others do not.

    Each verdict is that of the text that was tested last. Totals are over all that is shown. With --current, what an
    older text showed counts as unknown.

    \b
    Examples:
      ipfs-accelerate coverage
      ipfs-accelerate coverage bert vit --backend openvino
      ipfs-accelerate coverage --verdict broken --markdown
      ipfs-accelerate coverage --from evidence --html > coverage.html
      ipfs-accelerate coverage --from evidence --current
      ipfs-accelerate coverage --json > before.json
      ipfs-accelerate coverage --against before.json
    """
    seen, where = _seen(evidence, root)
    known = offered(root)
    if only_current:
        seen, known = current(seen, where, known, root)
    found = _chosen(rows(seen, known), model_types or (), task, backend, verdict)
    described = {name: each.describe() for name, each in where.items()}
    counts = totals(
        found,
        generating=known.generating,
        rereading=known.rereading,
        carried=known.carried,
        overrides=overrides(root),
    )
    different = None if against is None else changes(earlier(against), found)
    if as_json:
        told = {
            "totals": counts.to_json(),
            "environments": {name: each.to_json() for name, each in where.items()},
        }
        if different is not None:
            print_json({**told, "changes": [each.to_json() for each in different]})
        else:
            print_json({**told, "verdicts": [row.to_json() for row in found]})
    elif different is not None:
        _tell(different)
    elif as_markdown:
        print(markdown(found, counts, described), end="")
    elif as_html:
        print(page(found, counts, described), end="")
    else:
        print_table(COLUMNS, [words(row) for row in found])
        say(", ".join(f"{name.replace('_', ' ')} {number}" for name, number in counts.to_json().items()))


def _seen(evidence: Path | None, root: Path) -> tuple[tuple[Verdict, ...], dict[str, Environment]]:
    """Return the verdicts, and the environments that they were reached in."""
    if evidence is None:
        database = locations.results_file(root)
        return verdicts(database), environments(database)
    with TemporaryDirectory(prefix="ipfs-accelerate-") as folder:
        database = Path(folder) / "results.duckdb"
        exports.rebuild(evidence, database)
        return verdicts(database), environments(database)


def _chosen(
    found: Collection[Row],
    model_types: Sequence[str],
    task: str | None,
    backend: str | None,
    verdict: Outlook | None,
) -> tuple[Row, ...]:
    known = sorted({row.cell.model_type for row in found})
    for name in model_types:
        if name not in known:
            raise unknown("model type", name, known)
    wanted_task = None if task is None else task_called(task)
    wanted_backend = None if backend is None else str(backend_called(backend))
    return tuple(
        row
        for row in found
        if (not model_types or row.cell.model_type in model_types)
        and wanted_task in (None, row.cell.task)
        and wanted_backend in (None, row.cell.backend)
        and verdict in (None, row.outlook)
    )


def _tell(different: Iterable[Change]) -> None:
    told = list(different)
    if told:
        header = ("model type", "task", "backend", "before", "now", "reason")
        print_table(header, [list(each.to_json().values()) for each in told])
    say(f"{len(told)} cells are different" if told else "nothing is different")
