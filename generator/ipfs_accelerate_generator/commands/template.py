"""`ipfs-accelerate template`: the templates of a workspace, and what they said before."""

from __future__ import annotations

import contextlib
import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ipfs_accelerate_generator.commands.options import Json, Root

if TYPE_CHECKING:
    from ipfs_accelerate_generator.templates.store import Revision
    from ipfs_accelerate_generator.workspace import Workspace

Name = Annotated[str, typer.Argument(metavar="NAME", help="A template, such as tasks/fill_mask.")]


def add(app: typer.Typer) -> None:
    """Add the group of commands to the program."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("add")(_add)
    group.command("list")(_list)
    group.command("show")(_show)
    group.command("diff")(_diff)
    group.command("history")(_history)
    group.command("restore")(_restore)
    group.command("verify")(_verify)
    app.add_typer(group, name="template", help="Add, show, compare and restore templates.")


def _add(
    file: Annotated[Path, typer.Argument(help="The text, valid Python as it stands.")],
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="What to call it; else the last two parts of its path."),
    ] = None,
    *,
    root: Root = None,
) -> None:
    """Put a template into the workspace, where it goes before the package's of the same name.

    \b
    Examples:
      ipfs-accelerate template add tasks/fill_mask.py.jinja
      ipfs-accelerate template add ~/mine.py.jinja --as hardware/openvino
    """
    from ipfs_accelerate_generator.templates.edit import put, read_file

    text = read_file(file)
    path = put(_workspace(root), name or _name_of(file), text)
    typer.echo(f"wrote {path}")


def _name_of(file: Path) -> str:
    from ipfs_accelerate_generator.templates.sources import SUFFIX

    parts = file.resolve().as_posix().removesuffix(SUFFIX).split("/")
    if "templates" in parts:
        last = len(parts) - 1 - parts[::-1].index("templates")
        return "/".join(parts[last + 1 :])
    return "/".join(parts[-2:])


def _list(*, root: Root = None, as_json: Json = False) -> None:
    """List the templates, and which are the workspace's own.

    \b
    Example:
      ipfs-accelerate template list
    """
    from ipfs_accelerate_py.cli.console import print_json, print_table

    workspace = _workspace(root)
    rows = [
        (
            each.name,
            each.kind,
            "workspace" if workspace.template_file(each.name).is_file() else "package",
            each.digest,
        )
        for each in workspace.templates()
    ]
    columns = ("name", "kind", "from", "digest")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


def _show(name: Name, *, root: Root = None) -> None:
    """Print a template as it is now.

    \b
    Example:
      ipfs-accelerate template show hardware/openvino
    """
    from ipfs_accelerate_generator.templates.sources import Templates

    typer.echo(Templates.of(_workspace(root).templates())[name].text, nl=False)


def _history(name: Name, *, root: Root = None, as_json: Json = False) -> None:
    """List what a template said from one sync to the next, oldest first.

    \b
    Example:
      ipfs-accelerate template history tasks/fill_mask
    """
    from ipfs_accelerate_py.cli.console import print_json, print_table

    rows = [
        (each.sequence, each.digest and each.digest[:12], each.text and each.text.count("\n"))
        for each in _revisions(_workspace(root), name)
    ]
    columns = ("sequence", "digest", "lines")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, [(row[0], row[1] or "(removed)", row[2]) for row in rows])


def _diff(
    name: Name,
    old: Annotated[
        int | None, typer.Argument(help="A sequence number; else the one before the last.")
    ] = None,
    new: Annotated[int | None, typer.Argument(help="Another; else the last.")] = None,
    *,
    root: Root = None,
) -> None:
    """Print how a template changed: by default in its last change.

    \b
    Examples:
      ipfs-accelerate template diff tasks/fill_mask
      ipfs-accelerate template diff tasks/fill_mask 3 17
    """
    revisions = _revisions(_workspace(root), name)
    after = _revision(revisions, name, new) if new is not None else revisions[-1]
    earlier = [each for each in revisions if each.sequence < after.sequence]
    last = earlier[-1] if earlier else None
    before = _revision(revisions, name, old) if old is not None else last
    typer.echo(
        "".join(
            difflib.unified_diff(
                ((before.text if before else None) or "").splitlines(keepends=True),
                (after.text or "").splitlines(keepends=True),
                f"{name} {before.sequence if before else '(none)'}",
                f"{name} {after.sequence}",
            )
        ),
        nl=False,
    )


def _restore(
    name: Name,
    sequence: Annotated[
        int | None, typer.Argument(help="A sequence number of its history; else the last other text.")
    ] = None,
    *,
    root: Root = None,
) -> None:
    """Write what a template said before into the workspace.

    \b
    Examples:
      ipfs-accelerate template restore tasks/fill_mask
      ipfs-accelerate template restore tasks/fill_mask 3
    """
    from ipfs_accelerate_generator.templates.edit import put
    from ipfs_accelerate_py.errors import UnknownName

    workspace = _workspace(root)
    revisions = _revisions(workspace, name)
    now = next((each.text for each in workspace.templates() if each.name == name), None)
    others = [each for each in revisions if each.text not in {None, now}]
    last = others[-1] if others else None
    chosen = _revision(revisions, name, sequence) if sequence is not None else last
    if chosen is None or chosen.text is None:
        raise UnknownName(
            f"template {name!r} has no such earlier text; see: ipfs-accelerate template history {name}"
        )
    typer.echo(f"wrote {put(workspace, name, chosen.text)}")


def _verify(*, root: Root = None, as_json: Json = False) -> None:
    """Check every template: valid Python as it stands, and in the dialect.

    \b
    Example:
      ipfs-accelerate template verify
    """
    from ipfs_accelerate_generator.render import check
    from ipfs_accelerate_generator.templates.sources import TemplateError
    from ipfs_accelerate_py.cli.console import print_json, say

    problems: list[str] = []
    templates = _workspace(root).templates()
    for template in templates:
        try:
            check(template)
        except TemplateError as error:
            problems += str(error).splitlines()
    if as_json:
        print_json({"templates": len(templates), "problems": problems})
    else:
        for problem in problems:
            say(problem)
        say(f"{len(templates)} templates, {len(problems)} problems")
    if problems:
        raise typer.Exit(1)


def _workspace(root: Path | None) -> Workspace:
    from ipfs_accelerate_generator.workspace import Workspace

    return Workspace.at(root)


def _revisions(workspace: Workspace, name: str) -> tuple[Revision, ...]:
    """Return the history of a template, after taking over what the folders hold now."""
    from ipfs_accelerate_generator.sync import sync
    from ipfs_accelerate_generator.templates.sources import TemplateError
    from ipfs_accelerate_generator.templates.store import TemplateStore
    from ipfs_accelerate_py.locations import templates_file

    with contextlib.suppress(TemplateError):  # a broken file is what one looks back, or restores, from
        sync(workspace)
    return TemplateStore(templates_file(workspace.root)).history(name)


def _revision(revisions: tuple[Revision, ...], name: str, sequence: int) -> Revision:
    from ipfs_accelerate_py.errors import unknown

    for each in revisions:
        if each.sequence == sequence:
            return each
    raise unknown(
        f"sequence of template {name!r},", str(sequence), [str(each.sequence) for each in revisions]
    )
