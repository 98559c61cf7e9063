"""`ipfs-accelerate generate`: specs and templates into modules and their tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from ipfs_accelerate_generator.commands.options import Everything, Json, ModelTypes, Root, named

if TYPE_CHECKING:
    from ipfs_accelerate_generator.batch import Report


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("generate")(_generate)


def _generate(
    model_types: ModelTypes = None,
    *,
    everything: Everything = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, help="Processes; 0 is one for each processor core.")
    ] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that were edited or written by hand.")
    ] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Write skills and their tests from specs and templates.

    Only files whose text changes are written, and what was generated for facts that are gone is deleted; what
    was edited by hand is neither, unless --overwrite is given. What is wrong with one model type does not stop
    the others; all of it is said at the end, and the exit code is 1.

    \b
    Examples:
      ipfs-accelerate generate bert vit
      ipfs-accelerate generate --all -j 2
      ipfs-accelerate generate bert --root ~/my-skills
    """
    from ipfs_accelerate_generator.batch import generate_types
    from ipfs_accelerate_generator.workspace import Workspace
    from ipfs_accelerate_py.cli.console import print_json, progress

    workspace = Workspace.at(root)
    stems = workspace.chosen(named(model_types, everything=everything), everything=everything)
    with progress("generate", len(stems)) as step:
        report = generate_types(
            workspace, stems, jobs=jobs or os.cpu_count() or 1, overwrite=overwrite, step=step
        )
    if as_json:
        print_json(_facts(report))
    else:
        _tell(report, alone=not everything)
    if report.errors:
        raise typer.Exit(1)


def _tell(report: Report, *, alone: bool) -> None:
    """Print what was written and what could not be; `alone` if the model types were named one by one."""
    from ipfs_accelerate_py.cli.console import err, say

    for path in report.written:
        say(f"wrote {path}")
    for path in report.deleted:
        say(f"deleted {path}: nothing leads to it any more")
    if report.notice:
        say(report.notice)
    lacking = [each for each in report.outcomes if each.lacking]
    for each in lacking if alone else ():
        say(each.lacking)
    for each in report.outcomes if alone else ():
        if each.untemplated:
            say(f"{each.stem}: no template yet for {', '.join(each.untemplated)}")
    for error in report.errors:
        err().print(f"error: {error}", markup=False, soft_wrap=True)
    counts = [f"{len(report.outcomes)} model types", f"{len(report.written)} files written"]
    skipped = sum(each.skipped and not each.lacking for each in report.outcomes)
    counts += [f"{len(report.deleted)} deleted"] * bool(report.deleted)
    counts += [f"{skipped} up to date"] * bool(skipped)
    counts += [f"{len(lacking)} without templates"] * bool(lacking)
    counts += [f"{len(report.errors)} failed"] * bool(report.errors)
    say(", ".join(counts))


def _facts(report: Report) -> dict[str, object]:
    return {
        "written": list(report.written),
        "deleted": list(report.deleted),
        "notice": report.notice,
        "model_types": {
            each.stem: {
                "written": list(each.written),
                "up_to_date": each.skipped,
                "tasks_without_template": list(each.untemplated),
                "lacking": each.lacking,
                "error": each.error,
            }
            for each in report.outcomes
        },
    }
