"""`ipfs-accelerate check`: whether generated files are what their inputs lead to."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ipfs_accelerate_generator.commands.options import Everything, Json, ModelTypes, Root


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("check")(_check)


def _check(
    model_types: ModelTypes = None,
    *,
    everything: Everything = False,
    full: Annotated[
        bool, typer.Option("--full", help="Generate everything again, in memory, and compare texts.")
    ] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Find drift, hand edits, missing files and orphans in what was generated.

    Writes nothing, prints the differences, and exits with 1 if there are any. It compares digests, which is
    quick; with --full it also finds that the generator itself has changed.

    \b
    Examples:
      ipfs-accelerate check
      ipfs-accelerate check bert
      ipfs-accelerate check --full
    """
    from ipfs_accelerate_generator.check import check
    from ipfs_accelerate_generator.workspace import Workspace
    from ipfs_accelerate_py.cli.console import err, print_json, progress, say

    workspace = Workspace.at(root)
    if model_types and everything:
        raise typer.BadParameter("name model types, or give --all, not both")
    stems = workspace.chosen(model_types or (), everything=everything) if model_types or everything else None
    if full:
        total = len(workspace.own_stems if stems is None else stems)
        with progress("check", total) as step:
            found = check(workspace, stems, full=True, step=step)
    else:
        found = check(workspace, stems)
    if as_json:
        print_json(asdict(found))
    else:
        for problem in found.problems:
            if problem.diff:
                print(problem.diff, end="")
        for problem in found.problems:
            say(f"{problem.kind.value}: {problem.path}: {problem.fact}")
        if found.notice:
            err().print(found.notice, soft_wrap=True)
        say(f"{found.types} model types checked, {len(found.problems)} problems")
    if found.problems:
        raise typer.Exit(1)
