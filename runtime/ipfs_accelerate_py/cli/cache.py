"""`ipfs-accelerate cache`: the exported models on this machine."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ipfs_accelerate_py.cli.console import print_json, print_table, progress, say, size
from ipfs_accelerate_py.errors import BundleError
from ipfs_accelerate_py.locations import cache_folder
from ipfs_accelerate_py.skills.bundles import Bundle, discard, forget_failures, stored, tidy

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add(app: typer.Typer) -> None:
    """Add the group of commands to the program."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(_list)
    group.command("verify")(_verify)
    group.command("prune")(_prune)
    group.command("path")(_path)
    app.add_typer(group, name="cache", help="List, verify and prune the exported models.")


def _list(*, as_json: Json = False) -> None:
    """List the exported models, least recently used first.

    \b
    Examples:
      ipfs-accelerate cache list
      ipfs-accelerate cache list --json
    """
    made = list(stored())
    if as_json:
        print_json([_facts(bundle) for bundle in made])
        return
    rows = [
        (*list(_facts(bundle).values())[:4], size(bundle.size), _facts(bundle)["used"]) for bundle in made
    ]
    print_table(("bundle", "checkpoint", "task", "backend", "size", "last used"), rows)
    say(f"{len(made)} exported models, {size(sum(bundle.size for bundle in made))} in {cache_folder()}")


def _verify(*, as_json: Json = False) -> None:
    """Compare every exported file with its digest.

    Exits with 1 if one is damaged.

    \b
    Example:
      ipfs-accelerate cache verify
    """
    made = list(stored())
    damage = {}
    with progress("verify", len(made)) as step:
        for bundle in made:
            step(bundle.folder.name)
            damage[bundle.folder.name] = bundle.damage()
    if as_json:
        print_json(damage)
    else:
        for problem in (problem for problems in damage.values() for problem in problems):
            say(problem)
    broken = [name for name, problems in damage.items() if problems]
    if broken:
        raise BundleError(
            f"{len(broken)} of {len(made)} exported models are damaged; remove them with: "
            f"ipfs-accelerate cache prune {' '.join(broken)}; they are made again when they are needed"
        )
    if not as_json:
        say(f"all {len(made)} exported models are whole")


def _prune(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="BUNDLE", help="The exported models to remove, by name."),
    ] = None,
    *,
    max_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Keep this much, say 10GB: the most recently used.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Remove every exported model.")] = False,
    as_json: Json = False,
) -> None:
    """Remove exported models by name, by size or all.

    With a size, the least recently used go first.

    \b
    Examples:
      ipfs-accelerate cache prune --max-size 10GB
      ipfs-accelerate cache prune 0f1e2d3c4b5a69788796a5b4c3d2e1f0
      ipfs-accelerate cache prune --all
    """
    if not (names or max_size or everything):
        raise typer.BadParameter("say what to remove: names of exported models, --max-size SIZE or --all")
    made = list(stored())
    unknown = sorted(set(names or ()) - {bundle.folder.name for bundle in made})
    if unknown:
        raise typer.BadParameter(
            f"no exported model is called {', '.join(unknown)}; see: ipfs-accelerate cache list"
        )
    removed = [bundle for bundle in made if everything or bundle.folder.name in (names or ())]
    if max_size is not None:
        kept = [bundle for bundle in made if bundle not in removed]
        removed += beyond(kept, parse_size(max_size))
    for bundle in removed:
        discard(bundle)
    tidy()
    if everything:
        forget_failures()
    if as_json:
        print_json([_facts(bundle) for bundle in removed])
    else:
        freed = size(sum(bundle.size for bundle in removed))
        say(f"{len(removed)} exported models removed, {freed} freed; {len(made) - len(removed)} kept")


def _path() -> None:
    """Print the folder of the exported models.

    \b
    Example:
      du -sh "$(ipfs-accelerate cache path)"
    """
    say(str(cache_folder()))


def beyond(bundles: list[Bundle], limit: int) -> list[Bundle]:
    """Return those of `bundles`, the first of them, that must go for the rest to fit in `limit` bytes."""
    excess = sum(bundle.size for bundle in bundles) - limit
    gone = []
    for bundle in bundles:
        if excess <= 0:
            break
        gone.append(bundle)
        excess -= bundle.size
    return gone


def parse_size(text: str) -> int:
    """Return the bytes that a size such as "10GB", "1.5 GiB" or "4096" means.

    Raises:
        BadParameter: it is not a size.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", text)
    if match is None or match[2].upper() not in UNITS:
        raise typer.BadParameter(
            f"{text!r} is not a size; write a number and a unit, such as 500MB, 10GB or 2GiB"
        )
    return int(float(match[1]) * UNITS[match[2].upper()])


def _facts(bundle: Bundle) -> dict[str, Any]:
    """Return what is told about a bundle, in the order of the table."""
    return {
        "name": bundle.folder.name,
        "checkpoint": bundle.manifest["checkpoint"],
        "task": bundle.manifest["task"],
        "backend": bundle.manifest["backend"],
        "bytes": bundle.size,
        "used": datetime.fromtimestamp(bundle.used, UTC).isoformat(timespec="seconds"),
    }
