"""`ipfs-accelerate sync`: the folders into the template store."""

from __future__ import annotations

import typer

from ipfs_accelerate_generator.commands.options import Json, Root


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("sync")(_sync)


def _sync(*, root: Root = None, as_json: Json = False) -> None:
    """Take templates and specs into the template store.

    Reads templates/ and model_specs/ of the package and of the workspace. Nothing is written when a template
    is not well formed. The store keeps what each template said: see `ipfs-accelerate template history`.

    \b
    Examples:
      ipfs-accelerate sync
      ipfs-accelerate sync --root ~/my-skills --json
    """
    from ipfs_accelerate_generator.sync import sync
    from ipfs_accelerate_generator.workspace import Workspace
    from ipfs_accelerate_py.cli.console import print_json, say

    workspace = Workspace.at(root)
    templates, changes = sync(workspace)
    if as_json:
        print_json(
            {
                "templates": [each.name for each in templates],
                "added": list(changes.added),
                "replaced": list(changes.replaced),
                "removed": list(changes.removed),
                "notice": changes.notice,
            }
        )
        return
    for sign, names in (("+", changes.added), ("~", changes.replaced), ("-", changes.removed)):
        for name in names:
            say(f"{sign} {name}")
    if changes.notice:
        say(changes.notice)
    changed = len(changes.added) + len(changes.replaced) + len(changes.removed)
    say(f"{len(templates.by_name)} templates, {len(workspace.stems)} model types; {changed} changed")
