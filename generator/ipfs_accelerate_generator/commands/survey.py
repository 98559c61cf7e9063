"""`ipfs-accelerate survey`: what the installed transformers says about model types, as files."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from ipfs_accelerate_generator.commands.options import Json, ModelTypes, Root, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipfs_accelerate_generator.survey.outcome import Outcome


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("survey")(_survey)


def _survey(
    model_types: ModelTypes = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Every model type that has a model class.")
    ] = False,
    imports: Annotated[
        list[str] | None,
        typer.Option("--import", metavar="MODULE", help="Import it first: it registers types of its own."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Model types at the same time.")] = 1,
    limit: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="Most time for one type.")] = 120.0,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Read model types from the installed transformers.

    For each it writes model_specs/surveyed/TYPE.toml: config class, heads, inputs, processors, limits, and a
    tiny configuration with which every head was built and run. Nothing is downloaded. A fact that is wrong is
    corrected in model_specs/overrides/TYPE.toml. A type that fails is reported, the others go on, and the
    exit code is 1.

    \b
    Examples:
      ipfs-accelerate survey bert vit
      ipfs-accelerate survey --all -j 2
      ipfs-accelerate survey my-bert --import my_package.modeling_my_bert
      ipfs-accelerate survey bert --json
    """
    from ipfs_accelerate_generator.survey.outcome import survey_into
    from ipfs_accelerate_generator.survey.report import Request
    from ipfs_accelerate_generator.workspace import Workspace
    from ipfs_accelerate_py.cli.console import print_json, progress

    workspace = Workspace.at(root)
    request = Request(named(model_types, everything=everything), everything, imports or [], limit, jobs)
    with ExitStack() as stack:
        outcomes = survey_into(
            workspace, request, lambda total: stack.enter_context(progress("survey", total))
        )
    if as_json:
        print_json([outcome.facts() for outcome in outcomes])
    else:
        _tell(outcomes)
    if any(outcome.failure for outcome in outcomes):
        raise typer.Exit(1)


def _tell(outcomes: Sequence[Outcome]) -> None:
    """Print what was found and where it was written, then what was not found and why."""
    from ipfs_accelerate_generator.survey.report import LEAST_CONTROL
    from ipfs_accelerate_py.cli.console import err, print_table, say

    rows = [
        (
            outcome.report.model_type,
            f"{outcome.file}{'' if outcome.written else ' (as it was)'}",
            len(outcome.report.tasks),
            outcome.report.alternative,
        )
        for outcome in outcomes
        if not outcome.failure
    ]
    if rows:
        print_table(("model type", "file", "heads", "tiny configuration"), rows)
    for outcome in outcomes:
        for reason in outcome.report.left_out:
            say(f"{outcome.report.model_type}: no head for {reason}")
        control = outcome.report.control
        if control is not None and control < LEAST_CONTROL:
            name = outcome.report.model_type
            say(f"{name}: another input changes an output by {control:.2g} only, so tests of it prove little")
    for outcome in outcomes:
        if outcome.failure:
            err().print(f"error: {outcome.failure}", markup=False, soft_wrap=True)
