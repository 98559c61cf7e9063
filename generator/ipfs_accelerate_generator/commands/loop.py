"""`ipfs-accelerate loop`: everything, until nothing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ipfs_accelerate_generator.commands.options import Json, ModelTypes, Root, named

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipfs_accelerate_generator.adopt import Change
    from ipfs_accelerate_generator.loop import LoopReport

SHOWN = 20  # failed tests that are told one by one


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("loop")(_loop)


def _loop(
    model_types: ModelTypes = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Every model type that transformers has.")
    ] = False,
    imports: Annotated[
        list[str] | None,
        typer.Option("--import", metavar="MODULE", help="Import it first: it registers types of its own."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Model types at the same time.")] = 1,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds for one test.")] = 600.0,
    memory: Annotated[
        float | None, typer.Option(metavar="MB", help="For the processes of one model type.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Also test what was seen before and has not changed.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be adopted; change no file.")
    ] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Survey, generate, test, record and adopt, until nothing changes.

    What evidence says is written into model_specs/findings/ for you to review in git, and the modules are generated
    again from it. A backend whose numbers are wrong leaves with its reason; a backend that was left out is tried
    again when its text has changed. An interrupted loop goes on where it was. Exits with 1 if anything failed.

    \b
    Examples:
      ipfs-accelerate loop bert
      ipfs-accelerate loop bert vit -j 2
      ipfs-accelerate loop bert --dry-run
      ipfs-accelerate loop my-bert --import my_package.modeling_my_bert
    """
    from ipfs_accelerate_generator.loop import options_for, run_loop
    from ipfs_accelerate_generator.survey.report import Request
    from ipfs_accelerate_generator.workspace import Workspace
    from ipfs_accelerate_py.cli.console import print_json

    workspace = Workspace.at(root)
    request = Request(named(model_types, everything=everything), everything, imports or [], jobs=jobs)
    options = options_for(workspace, jobs=jobs, timeout_s=timeout, memory_mb=memory, fresh=fresh)
    with _listener() as listener:
        report = run_loop(workspace, request, options, listener, dry=dry_run)
    if as_json:
        print_json(_json(report))
    else:
        _tell(report)
    if not report.ok:
        raise typer.Exit(1)


def _listener() -> Any:
    from rich.text import Text

    from ipfs_accelerate_generator.commands.testing import Bar
    from ipfs_accelerate_py.cli.console import err

    class Told(Bar):
        """A bar for the tests, and a line for each step."""

        def stage(self, name: str, number: int) -> None:
            err().print(Text(f"round {number}: {name}" if number else name), style="bold")

        def counted(self, total: int) -> Callable[[str], None]:
            return lambda name: None

    return Told()


def _tell(report: LoopReport) -> None:
    from ipfs_accelerate_generator.commands.testing import line
    from ipfs_accelerate_generator.trial.report import WORDS
    from ipfs_accelerate_py.cli.console import err, print_table, say
    from ipfs_accelerate_py.registry.coverage.rows import rows

    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows(report.verdicts):  # a cell that several machines have seen counts once
        place = counts.setdefault((row.cell.model_type, row.cell.backend), {})
        place[row.outlook.value] = place.get(row.outlook.value, 0) + 1
    words = ("works", "broken", "unknown", "unsupported")
    lines = [(*place, *(count.get(word) for word in words)) for place, count in counts.items()]
    print_table(("model type", "backend", *words), lines, title="Tasks, by what the tests say")
    say("")
    changed = [_row(number, change) for number, change in report.changes]
    if changed:
        title = "What would change and why" if report.dry else "What changed and why"
        print_table(("round", "model type", "task", "backend", "before", "now", "why"), changed, title=title)
    else:
        say("nothing changed: the findings say what the evidence says")
    for one in report.bad[:SHOWN]:
        say(line(one, WORDS.get(one.outcome, one.outcome)))
    for name, why in report.failures.items():
        err().print(f"error: {name}: {why}", markup=False, soft_wrap=True)
    for problem in report.problems:
        err().print(f"error: {problem}", markup=False, soft_wrap=True)
    tests = sum(each.observed for each in report.rounds)
    say(f"{len(report.rounds)} rounds, {tests} tests run; observations in {report.observations}")
    say(f"results in {report.database}")


def _row(number: int, change: Change) -> tuple[object, ...]:
    said = (change.before or "nothing", change.after or "nothing", change.reason)
    return (number, change.model_type, change.task, change.backend, *said)


def _json(report: LoopReport) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "ok": report.ok,
        "dry_run": report.dry,
        "rounds": [
            {
                "number": each.number,
                "written": list(each.written),
                "observed": each.observed,
                "reused": each.reused,
                "changes": [asdict(change) for change in each.changes],
            }
            for each in report.rounds
        ],
        "failures": report.failures,
        "problems": report.problems,
        "bad": [f"{one.model_type} {one.task} {one.backend} {one.property}" for one in report.bad],
        "verdicts": [verdict.to_json() for verdict in report.verdicts],
        "database": str(report.database),
        "observations": str(report.observations),
    }
