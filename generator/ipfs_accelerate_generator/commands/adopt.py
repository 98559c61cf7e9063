"""`ipfs-accelerate adopt`: verdicts into findings, as a diff to be reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ipfs_accelerate_generator.commands.options import Everything, Json, ModelTypes, Root, named

if TYPE_CHECKING:
    from ipfs_accelerate_generator.adopt import Change
    from ipfs_accelerate_generator.adoption import Adoption

COLUMNS = ("model type", "task", "backend", "was", "is", "reason")


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("adopt")(_adopt)


def _adopt(
    model_types: ModelTypes = None,
    *,
    everything: Everything = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the diff and write nothing.")] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Turn verdicts into findings that the next generation heeds.

    What the database of results says about numbers and exports is written into model_specs/findings/TYPE.toml:
    a pair of task and backend that was proved broken is left out of the next module, with the reason; one that
    works is marked as proved. Speed, memory and crashes are this machine's own and are not adopted. The diff
    is printed; review it, then `ipfs-accelerate generate` and commit both.

    \b
    Examples:
      ipfs-accelerate adopt bert vit
      ipfs-accelerate adopt --all --dry-run
      ipfs-accelerate adopt bert --json
    """
    from ipfs_accelerate_generator.adoption import adopt_types, all_changes, evidence
    from ipfs_accelerate_generator.workspace import Workspace
    from ipfs_accelerate_py.cli.console import print_json
    from ipfs_accelerate_py.locations import results_file

    workspace = Workspace.at(root)
    stems = workspace.chosen(named(model_types, everything=everything), everything=everything)
    known = evidence(results_file(workspace.root), stems)
    adoptions = adopt_types(workspace, stems, known, dry_run=dry_run)
    if as_json:
        print_json([facts(each) for each in adoptions])
    else:
        show_diffs(adoptions)
        show_changes(all_changes(adoptions))
        _conclude(adoptions, silent=[stem for stem in stems if stem not in known.verdicts], dry_run=dry_run)
    if any(each.error for each in adoptions):
        raise typer.Exit(1)


def show_diffs(adoptions: Sequence[Adoption]) -> None:
    """Print what changes in the files, as git would show it."""
    from rich.text import Text

    from ipfs_accelerate_py.cli.console import out

    colours = {"+": "green", "-": "red", "@": "cyan"}
    console = out()
    for adoption in adoptions:
        for line in adoption.diff.splitlines():
            console.print(Text(line, style=colours.get(line[:1], "")))


def show_changes(changes: Sequence[Change]) -> None:
    """Print what changes and why, one line for each cell."""
    from ipfs_accelerate_py.cli.console import print_table

    rows = [
        (each.model_type, each.task, each.backend, each.before, each.after, each.reason) for each in changes
    ]
    if rows:
        print_table(COLUMNS, rows)


def facts(adoption: Adoption) -> dict[str, object]:
    """Return an adoption as plain JSON values."""
    from dataclasses import asdict

    return {
        "model_type": adoption.stem,
        "file": adoption.path,
        "changed": adoption.is_news,
        "changes": [asdict(change) for change in adoption.changes],
        "diff": adoption.diff,
        "error": adoption.error,
    }


def _conclude(adoptions: Sequence[Adoption], *, silent: Sequence[str], dry_run: bool) -> None:
    from ipfs_accelerate_py.cli.console import err, say

    for adoption in adoptions:
        if adoption.error:
            err().print(f"error: {adoption.error}", markup=False, soft_wrap=True)
    if silent:
        names = " ".join(silent) if len(silent) <= 10 else "--all"
        say(f"nothing recorded about {len(silent)} of them; run: ipfs-accelerate test {names}, then record")
    news = sum(each.is_news for each in adoptions)
    say(f"{len(adoptions)} model types, {news} files of findings {'would change' if dry_run else 'changed'}")
