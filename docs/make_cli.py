"""Write docs/cli.md, the reference of every command, from the program's own help: `python docs/make_cli.py`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from typer.main import get_command

from ipfs_accelerate_py.cli.app import PROGRAM, application, main
from ipfs_accelerate_py.cli.commands import COMMANDS

PAGE = Path(__file__).parent / "cli.md"
WIDTH = "80"  # columns of the terminal that the help is printed for

HEAD = """# Command line

One program, `ipfs-accelerate`. This page is the `--help` of every command; `python docs/make_cli.py` writes it, and a
test compares it with the real one. For what the commands are about, see the [design](design.md) and
[using skills](skills.md).

Every command prints its result to stdout, and progress and errors to stderr, so that results can be piped; in a pipe,
each row of a table is one line. With `--json`, where there is such an option, the result is JSON and nothing else. A
command ends with 0; with 1 if it was refused or something failed, in a message that says where, what and what to do;
with 2 if it was called wrongly; with 130 after Ctrl-C, and then running it again goes on.

| variable | is |
|---|---|
| `IPFS_ACCELERATE_HOME` | the folder of bundles, probes and this machine's profile; else the platform's cache folder |
| `IPFS_ACCELERATE_WORKSPACE` | where `load`, `run` and `show` look for modules first; else the current folder |
| `IPFS_ACCELERATE_DEBUG` | if `1`, an error shows its traceback, as with `--debug` |
| `HF_HUB_OFFLINE` | if `1`, nothing is fetched from the Hub |

A command whose extra is not installed stays in the list, and says what to install.
"""


def page() -> str:
    """Return the text of the page."""
    parts = (f"\n{'#' * level} {title}\n\n```text\n{said}\n```\n" for title, level, said in _helps())
    return HEAD + "".join(parts)


def _helps() -> Iterator[tuple[str, int, str]]:
    """Yield each command, the level of its heading, and its help."""
    yield PROGRAM, 2, _help()
    for command in COMMANDS:
        yield f"{PROGRAM} {command.name}", 2, _help(command.name)
        for inner in inner_commands(command.name):
            yield f"{PROGRAM} {command.name} {inner}", 3, _help(command.name, inner)


def inner_commands(name: str) -> tuple[str, ...]:
    """Return the commands within the command `name`, which is a group of them or has none."""
    group = get_command(application(name)).commands[name]  # type: ignore[attr-defined]
    return tuple(getattr(group, "commands", ()))


def _help(*command: str) -> str:
    """Return what the program prints when it is asked for help."""
    os.environ["COLUMNS"] = WIDTH
    with redirect_stdout(StringIO()) as printed:
        code = main([*command, "--help"])
    if code != 0:
        raise SystemExit(f"{' '.join(command)} --help ended with {code}")
    return printed.getvalue().strip()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
