"""`ipfs-accelerate test`: the generated tests of a workspace, in processes that may crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ipfs_accelerate_generator.commands.options import Json, ModelTypes, Root, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipfs_accelerate_generator.trial import Trial, TrialReport

SHOWN = 20  # failures that are told one by one


def add(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("test")(_test)


def _test(
    model_types: ModelTypes = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Every model type that has generated tests.")
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Model types to test at once.")] = 1,
    backends: Annotated[
        list[str] | None, typer.Option("--backend", metavar="B", help="Only this backend; may be repeated.")
    ] = None,
    tasks: Annotated[
        list[str] | None, typer.Option("--task", metavar="T", help="Only this task; may be repeated.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="S", help="Seconds for one test, after which its process is ended.")
    ] = 600.0,
    memory: Annotated[
        float | None,
        typer.Option(metavar="MB", help="For the processes of one model type; default: 80 % of all, shared."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Also test what was seen before and has not changed.")
    ] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Run generated tests and observe what happens.

    Each model type is tested in a process of its own. A crash, a hang or too much memory is an observation,
    and the next test is run. What was seen of the same text in the same environment is not run again: after
    Ctrl-C the same command goes on. Observations are left in observations/RUN/; `record` takes them into the
    database. Exits with 1 if a test failed that no finding announced.

    \b
    Examples:
      ipfs-accelerate test bert
      ipfs-accelerate test --all -j 2
      ipfs-accelerate test bert vit --backend openvino --task feature-extraction
      ipfs-accelerate test --all --timeout 120 --memory 4000 --json
    """
    import signal

    from ipfs_accelerate_generator.commands.testing import Bar
    from ipfs_accelerate_generator.trial import Options, run_trials
    from ipfs_accelerate_generator.workspace import Workspace
    from ipfs_accelerate_py.cli.console import print_json
    from ipfs_accelerate_py.hardware.backend import backend
    from ipfs_accelerate_py.locations import observations_folder
    from ipfs_accelerate_py.skills.task import task

    place = Workspace.at(root).root
    options = Options(
        observations=observations_folder(place),
        jobs=jobs,
        tasks=tuple(task(name) for name in tasks or ()),
        backends=tuple(backend(name).value for name in backends or ()),
        timeout_s=timeout,
        memory_mb=memory,
        fresh=fresh,
    )
    trials = list(_trials(place, named(model_types, everything=everything), everything=everything))
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # end as with Ctrl-C
    with Bar() as bar:
        report = run_trials(trials, options, bar)
    if as_json:
        print_json(report.to_json())
    else:
        _tell(report)
    if not report.ok:
        raise typer.Exit(1)


def _trials(root: Path, model_types: list[str], *, everything: bool) -> Iterator[Trial]:
    """Yield the generated modules of a workspace with their tests, in the order given.

    Raises:
        UnknownName: a model type has no generated tests.
        WorkspaceError: none has.
    """
    from ipfs_accelerate_generator.module import SKILLS, TESTS
    from ipfs_accelerate_generator.trial import Trial
    from ipfs_accelerate_py.errors import WorkspaceError, unknown
    from ipfs_accelerate_py.evidence.cells import file_stem
    from ipfs_accelerate_py.evidence.subject import model_type_of

    suites = {
        path.stem.removeprefix("test_hf_"): path for path in sorted((root / TESTS).glob("test_hf_*.py"))
    }
    if not suites:
        raise WorkspaceError(
            f"{root / TESTS}: has no generated tests; write some with: ipfs-accelerate generate "
            + (" ".join(model_types) or "--all")
        )
    chosen = list(suites) if everything else list(dict.fromkeys(file_stem(name) for name in model_types))
    for stem in chosen:
        if stem not in suites:
            raise unknown("generated model type", stem, suites)
        suite = suites[stem]
        yield Trial(model_type_of(suite) or stem, root / SKILLS / f"hf_{stem}.py", suite)


def _tell(report: TrialReport) -> None:
    from ipfs_accelerate_generator.commands.testing import line
    from ipfs_accelerate_py.cli.console import err, print_table, say

    columns, rows = report.table()
    if rows:
        print_table(columns, rows)
    bad = report.bad()
    for one in bad[:SHOWN]:
        say(line(one, report.word(one)))
    if len(bad) > SHOWN:
        say(f"and {len(bad) - SHOWN} more; all of them with --json")
    for problem in report.problems:
        err().print(f"error: {problem}", markup=False, soft_wrap=True)
    if report.torn:
        say(f"{len(report.torn)} torn lines of processes that were killed, the first at {report.torn[0]}")
    seen = f"{len(report.observations)} tests run"
    if report.reused:
        seen += f", {len(report.reused)} seen before and not changed (--fresh runs them again)"
    say(seen + (f"; observations in {report.folder}" if report.observations else ""))
