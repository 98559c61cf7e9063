"""`ipfs-accelerate vendor`: a skill as a folder that runs without this package."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ipfs_accelerate_generator.commands.options import Json, Root


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("vendor")(_vendor)


def _vendor(
    model_type: Annotated[str, typer.Argument(metavar="MODEL_TYPE", help="A model type, such as bert.")],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="The folder to write; its name is what to import."
        ),
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a vendored folder that was changed since.")
    ] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Write a skill, with the part of the runtime that it calls, as a folder of its own.

    The folder can be copied into another project: it needs numpy, filelock and the libraries of the backends
    that are used, and nothing of this package. Its README.md says which, and how to call it.

    \b
    Examples:
      ipfs-accelerate vendor bert -o my_bert
      ipfs-accelerate vendor vit -o ~/my_project/my_project/vit --json
    """
    from ipfs_accelerate_generator.vendor.folder import vendor
    from ipfs_accelerate_py.cli.console import print_json, say

    made = vendor(model_type, output.expanduser(), root=root, force=force)
    if as_json:
        print_json({**asdict(made), "folder": str(made.folder)})
        return
    say(f"wrote {made.folder}: {made.files} files")
    say(
        f"{made.skill_lines} lines of the skill, {made.runtime_lines} of {made.of_runtime_lines} of the runtime"
    )
