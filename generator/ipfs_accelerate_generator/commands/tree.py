"""`ipfs-accelerate tree`: how large the generated tree is, and how much of it repeats."""

from __future__ import annotations

from dataclasses import asdict

import typer

from ipfs_accelerate_generator.commands.options import Json, Root


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("tree")(_tree)


def _tree(*, root: Root = None, as_json: Json = False) -> None:
    """Say how large the generated modules are and how alike.

    Modules of one family should differ where their models do, and only there: most lines of a module stand in
    another one, too, but no two modules are the same.

    \b
    Examples:
      ipfs-accelerate tree
      ipfs-accelerate tree --root ~/my-skills --json
    """
    from ipfs_accelerate_generator.alike import alike
    from ipfs_accelerate_generator.module import SKILLS, TESTS
    from ipfs_accelerate_generator.workspace import Workspace
    from ipfs_accelerate_py.cli.console import print_json, print_table

    root_folder = Workspace.at(root).root
    found = {
        "modules": alike(sorted((root_folder / SKILLS).glob("hf_*.py"))),
        "tests": alike(sorted((root_folder / TESTS).glob("test_hf_*.py"))),
    }
    if as_json:
        print_json(
            {name: asdict(each) | {"repeated": round(each.repeated, 4)} for name, each in found.items()}
        )
        return
    rows = [
        (
            name,
            each.files,
            each.distinct_files,
            each.lines,
            each.distinct_lines,
            f"{100 * each.repeated:.1f} %",
            f"{each.bytes / 1e6:.1f} MB",
            f"{each.compressed_bytes / 1e6:.2f} MB",
        )
        for name, each in found.items()
    ]
    print_table(
        ("", "files", "distinct", "lines", "distinct lines", "lines in another file", "size", "compressed"),
        rows,
    )
