"""`ipfs-accelerate sync`: the folders into the template store, or the installed transformers into the folders."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from ipfs_accelerate_generator.commands.options import Json, Root

if TYPE_CHECKING:
    from ipfs_accelerate_generator.upgrade import Upgrade
    from ipfs_accelerate_generator.workspace import Workspace


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("sync")(_sync)


def _sync(
    *,
    transformers: Annotated[
        bool, typer.Option("--transformers", help="Survey every type of the installed transformers first.")
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Model types at the same time.")] = 1,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Take templates and specs into the template store.

    Reads templates/ and model_specs/ of the package and of the workspace. Nothing is written when a template
    is not well formed. The store keeps what each template said: see `ipfs-accelerate template history`.

    With --transformers, after an upgrade or downgrade of that library, it tells first which model types appeared,
    vanished or changed, writes their specs and generates what is different. Types that vanished stay as they
    are. What the evidence says before and after: `ipfs-accelerate coverage --against`.

    \b
    Examples:
      ipfs-accelerate sync
      ipfs-accelerate sync --transformers -j 2
      ipfs-accelerate sync --root ~/my-skills --json
    """
    from ipfs_accelerate_generator.workspace import Workspace

    workspace = Workspace.at(root)
    if transformers:
        _follow(workspace, jobs, as_json=as_json)
    else:
        _store(workspace, as_json=as_json)


def _follow(workspace: Workspace, jobs: int, *, as_json: bool) -> None:
    from ipfs_accelerate_generator.upgrade import upgrade
    from ipfs_accelerate_py.cli.console import err, print_json, progress

    with ExitStack() as stack:
        found = upgrade(
            workspace,
            jobs=jobs,
            surveying=lambda total: stack.enter_context(progress("survey", total)),
            generating=lambda total: stack.enter_context(progress("generate", total)),
        )
    if as_json:
        print_json(
            {
                "appeared": list(found.appeared),
                "vanished": list(found.vanished),
                "changed": {name: list(facts) for name, facts in found.changed.items()},
                "failed": dict(found.failed),
                "same": found.same,
                "written": list(found.generated.written),
                "errors": list(found.generated.errors),
            }
        )
    else:
        _tell(found)
        for error in found.generated.errors:
            err().print(f"error: {error}", markup=False, soft_wrap=True)
    if found.generated.errors:
        raise typer.Exit(1)


def _tell(found: Upgrade) -> None:
    from ipfs_accelerate_py.cli.console import say

    for name in found.appeared:
        say(f"+ {name}")
    for name in found.vanished:
        say(f"- {name}: this transformers does not know it; its module stays for the version that does")
    for name, facts in found.changed.items():
        say(f"~ {name}: {'; '.join(facts)}")
    for failure in found.failed.values():
        say(f"! {failure}")
    say(
        f"{len(found.appeared)} appeared, {len(found.vanished)} vanished, {len(found.changed)} changed, "
        f"{found.same} the same, {len(found.failed)} could not be surveyed; "
        f"{len(found.generated.written)} files written"
    )


def _store(workspace: Workspace, *, as_json: bool) -> None:
    from ipfs_accelerate_generator.sync import sync
    from ipfs_accelerate_py.cli.console import print_json, say

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
