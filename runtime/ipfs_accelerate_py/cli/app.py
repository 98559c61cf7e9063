"""The program `ipfs-accelerate`: commands in the order of the loop, each loaded only when it is asked for.

A command of the runtime is the module of its name beside this one, which adds itself to the program by
`add(app)`. The generator's commands come through the entry point group `ipfs_accelerate.commands`, and so can
anybody's. A command whose libraries are not installed stays in the help and says what to install.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from ipfs_accelerate_py.cli.commands import COMMANDS, Command
from ipfs_accelerate_py.errors import AccelerateError
from ipfs_accelerate_py.version import __version__

PROGRAM: Final = "ipfs-accelerate"
DEBUG: Final = "IPFS_ACCELERATE_DEBUG"
ENTRY_POINTS: Final = "ipfs_accelerate.commands"
GENERATOR: Final = "generator"  # the name of the generator's own entry point
INTERRUPTED: Final = 130  # what shells expect after Ctrl-C

HELP: Final = """Generate, prove and run model skills.

\b
The whole loop for one model type:     ipfs-accelerate loop bert
Run a checkpoint on the best backend:  ipfs-accelerate run ./my-model "some text"
What works on this machine:            ipfs-accelerate hardware

Each command has examples in its own --help.
"""


class MissingExtra(AccelerateError, ImportError):
    """A command whose libraries are not installed."""


class _InOrder(TyperGroup):
    """Commands in the order of `COMMANDS`, and those from elsewhere after them."""

    def list_commands(self, ctx: Any) -> list[str]:
        order = [command.name for command in COMMANDS]
        return sorted(self.commands, key=lambda name: order.index(name) if name in order else len(order))


def application(wanted: str | None = None) -> typer.Typer:
    """Return the program, with the command `wanted` loaded and the others as the help shows them."""
    app = typer.Typer(
        name=PROGRAM,
        cls=_InOrder,
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode=None,  # help is plain text, or "[generator]" would be taken for markup and vanish
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    asked = next((command for command in COMMANDS if command.name == wanted), None)
    loaded: tuple[Command, ...] = ()
    if asked is None:
        _load_entry_points(app, lambda name: name != GENERATOR)
    elif asked.missing():
        pass  # its stand-in says what to install
    elif asked.generator:
        _load_entry_points(app, lambda name: name == GENERATOR)
        loaded = tuple(command for command in COMMANDS if command.generator)
    else:
        importlib.import_module(f"ipfs_accelerate_py.cli.{asked.name}").add(app)
        loaded = (asked,)
    for command in COMMANDS:
        if command not in loaded:
            _stand_in(app, command)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code: 0, 1 (refused or failed), 2 (usage) or 130 (Ctrl-C)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        application(_wanted(given))(given, prog_name=PROGRAM)
    except AccelerateError as error:
        if os.environ.get(DEBUG, "") not in {"", "0"}:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            print("interrupted; what was finished is kept: run the same command to go on", file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else 0
    finally:
        _flush()
    return 0


def _wanted(given: Sequence[str]) -> str | None:
    """Return the command among the arguments, or among those that a shell wants completed."""
    completed = os.environ.get("COMP_WORDS", "").split()[1:]
    return next((argument for argument in (*given, *completed) if not argument.startswith("-")), None)


def _stand_in(app: typer.Typer, command: Command) -> None:
    """Add the command's line in the help; run, it says which extra is missing."""
    extras = ",".join(command.missing())
    needs = f" (needs [{extras}])" if extras else ""
    install = f"python -m pip install 'ipfs_accelerate_py[{extras}]'"

    def refuse() -> None:
        raise MissingExtra(f"the command {command.name!r} needs more libraries; install them with: {install}")

    anything = {"allow_extra_args": True, "ignore_unknown_options": True}
    more = f"\n\nInstall what it needs with: {install}" if extras else ""
    short = f"{command.summary.removesuffix('.')}{needs}."
    app.command(command.name, help=short + more, short_help=short, context_settings=anything)(refuse)


def _load_entry_points(app: typer.Typer, chosen: Callable[[str], bool]) -> None:
    for entry_point in metadata.entry_points(group=ENTRY_POINTS):
        if chosen(entry_point.name):
            entry_point.load()(app)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"{PROGRAM} {__version__}")
        raise typer.Exit


def _options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    if debug:
        os.environ[DEBUG] = "1"  # in the environment, so that child processes know too


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader left early, as `head` does: nobody is there to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
