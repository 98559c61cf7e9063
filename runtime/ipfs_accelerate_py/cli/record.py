"""`ipfs-accelerate record`: what tests have shown, taken into the database of results."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ipfs_accelerate_py import locations
from ipfs_accelerate_py.cli.console import err, print_json, say
from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.registry import exports, results
from ipfs_accelerate_py.registry.results import RecordReport

SHOWN = 20  # lines that cannot be used are named one by one up to here


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("record")(_record)


def _record(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Files of observations, or folders of them; the workspace's observations if none is named.",
        ),
    ] = None,
    *,
    evidence: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Rebuild from the Parquet files in FOLDER instead."),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Then write FOLDER/<environment>.parquet, to be committed."),
    ] = None,
    root: Annotated[Path, typer.Option(help="The workspace.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take observations into the database of results.

    Recording twice changes nothing, and an interrupted recording leaves the database as it was. A line that
    cannot be used is named; a torn one is what a stopped process leaves, any other exits with 1.

    \b
    Examples:
      ipfs-accelerate record
      ipfs-accelerate record observations/20260102T030405-a1b2c3
      ipfs-accelerate record --export evidence
      ipfs-accelerate record --from evidence
    """
    if evidence is not None and paths:
        raise typer.BadParameter("name files of observations or --from, not both")
    database = locations.results_file(root)
    if evidence is not None:
        report = exports.rebuild(evidence, database)
    else:
        chosen = files_in(paths or [locations.observations_folder(root)], must_exist=bool(paths))
        report = results.record(chosen, database, profile=locations.profile_file())
    written = exports.export(database, export) if export is not None else ()
    if as_json:
        print_json({**asdict(report), "database": str(database), "written": [str(path) for path in written]})
    else:
        _say(report, database)
        for path in written:
            say(f"evidence written: {path}")
    if report.wrong:
        raise WorkspaceError(f"{len(report.wrong)} lines are not observations and were left out")


def files_in(paths: list[Path], *, must_exist: bool) -> list[Path]:
    """Return the files of observations that `paths` name: files as they are, folders with all below them.

    Raises:
        WorkspaceError: one of `paths` does not exist, and must.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found.update(dict.fromkeys(sorted(path.rglob("*.jsonl"))))
        elif path.exists():
            found[path] = None
        elif must_exist:
            fix = "name a file or folder of observations; `ipfs-accelerate test` makes them"
            raise WorkspaceError(f"{path}: does not exist; {fix}")
    return list(found)


def _say(report: RecordReport, database: Path) -> None:
    say(f"{report.new} new observations, {report.known} known, from {report.files} files, in {database}")
    notices: tuple[tuple[str, Any], ...] = (
        ("torn line, left by a process that was stopped", report.torn),
        ("wrong line", report.wrong),
        ("test that never ended", report.unfinished),
    )
    for title, places in notices:
        for place in places[:SHOWN]:
            err().print(f"{title}: {place}")
        if len(places) > SHOWN:
            err().print(f"{title}: and {len(places) - SHOWN} more")
