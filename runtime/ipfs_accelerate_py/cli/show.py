"""`ipfs-accelerate show`: what a checkpoint is, without loading its weights."""

from __future__ import annotations

from typing import Annotated

import typer

from ipfs_accelerate_py.cli import console
from ipfs_accelerate_py.skills.description import describe

HELP = """Say which type, tasks, backends, limits and memory a checkpoint has, without loading its weights.

\b
Examples:
  ipfs-accelerate show ./all-MiniLM-L6-v2
  ipfs-accelerate show ./my-vit --json
"""


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("show", help=HELP, short_help="Say what a checkpoint is, without loading its weights.")(show)


def show(
    checkpoint: Annotated[str, typer.Argument(help="A folder or a Hub id.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Describe, print."""
    found = describe(checkpoint)
    if as_json:
        console.print_json(found.to_json())
        return
    facts = {
        "checkpoint": found.name,
        "model type": found.model_type,
        "task": found.task,
        **{f"limit, {kind}": value for kind, value in found.limits.items()},
        "on disk": console.size(found.stored_bytes),
    }
    if found.parameters is not None and found.memory_bytes is not None:
        facts["parameters"] = f"{found.parameters:,}"
        facts["weights in memory"] = f"{console.size(found.memory_bytes)} in float32"
    console.print_table(("fact", "value"), facts.items())
    console.say("")
    console.print_table(("task", "class"), found.tasks.items())
    console.say("")
    console.print_table(("backend", f"for {found.task}"), found.backends.items())
