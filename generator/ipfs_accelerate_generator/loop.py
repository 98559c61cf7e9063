"""The loop: survey, then generate, test, record and adopt until the evidence says nothing new.

Within one loop evidence only narrows: a backend that was left out can return once, in the first round, when its text
has changed and it passes as a candidate; after that findings can only take more away, and there are finitely many.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from ipfs_accelerate_generator.adopt import Change
from ipfs_accelerate_generator.adoption import adopt_types, all_changes, evidence
from ipfs_accelerate_generator.batch import generate_types
from ipfs_accelerate_generator.candidates import candidates
from ipfs_accelerate_generator.module import skill_path, test_path
from ipfs_accelerate_generator.specfile import read_spec
from ipfs_accelerate_generator.survey.outcome import Outcome, survey_into
from ipfs_accelerate_generator.survey.report import Request
from ipfs_accelerate_generator.trial import Options, Trial, TrialReport, Watcher, run_trials
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.errors import AccelerateError, WorkspaceError
from ipfs_accelerate_py.evidence.observation import Observation
from ipfs_accelerate_py.evidence.plugin import new_run
from ipfs_accelerate_py.locations import observations_folder, profile_file, results_file
from ipfs_accelerate_py.registry import results
from ipfs_accelerate_py.registry.verdicts import Verdict, verdicts

ROUNDS = 10  # more than two were never needed; findings narrow, so a loop that goes on is a defect to be told


class Listener(Watcher, Protocol):
    """Somebody who wants to see the loop proceed."""

    def stage(self, name: str, number: int) -> None:
        """Learn that the round `number` has come to the step `name`."""

    def counted(self, total: int) -> Callable[[str], None]:
        """Learn how many types there are; return what is to be called with the name of each."""


Survey = Callable[[Workspace, Request, Callable[[int], Callable[[str], None]]], tuple[Outcome, ...]]


RESUMED: Survey = partial(
    survey_into, again=False
)  # an interrupted loop need not survey again what it has surveyed


@dataclass(frozen=True)
class Round:
    """One turn: what was written, what was seen, what is said anew."""

    number: int
    written: tuple[str, ...]
    observed: int
    reused: int
    changes: tuple[Change, ...]


@dataclass
class LoopReport:
    """What a loop has done, and what stood in the way of single model types."""

    rounds: list[Round] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)  # model type -> why it could not go on
    problems: list[str] = field(default_factory=list)
    bad: list[Observation] = field(default_factory=list)  # of the last round, those that did not pass
    verdicts: tuple[Verdict, ...] = ()
    database: Path = Path()
    observations: Path = Path()
    dry: bool = False

    @property
    def changes(self) -> tuple[tuple[int, Change], ...]:
        """What changed, with the round that it changed in."""
        return tuple((each.number, change) for each in self.rounds for change in each.changes)

    @property
    def ok(self) -> bool:
        """Whether every model type went all the way and nothing failed in the end."""
        return not (self.failures or self.problems or self.bad)


def run_loop(
    workspace: Workspace,
    request: Request,
    options: Options,
    listener: Listener,
    *,
    dry: bool = False,
    survey: Survey = RESUMED,
) -> LoopReport:
    """Take the types of `request` round the loop until nothing changes, and return what happened.

    With `dry` the workspace's specs and modules stay as they are: the loop runs on a copy. What was seen is recorded
    all the same, for it was seen.

    Raises:
        AccelerateError: the templates, the database or the workspace cannot be used at all.
    """
    report = LoopReport(dry=dry, observations=options.observations, database=results_file(workspace.root))
    with _place(workspace, dry=dry) as place:
        listener.stage("survey", 0)
        stems = _surveyed(place, survey(place, request, listener.counted), report)
        frozen = _inputs(place, stems)
        for number in range(1, ROUNDS + 1):
            turn = _round(place, stems, options, listener, report=report, number=number)
            report.rounds.append(turn)
            if not turn.changes:
                break
            if _inputs(place, stems) != frozen:
                raise WorkspaceError("a spec or template was changed while the loop ran; run the loop again")
        else:
            report.problems.append(f"the evidence still changes after {ROUNDS} rounds; see the changes above")
        names = [_model_type(place, stem) for stem in stems]
    if names:
        report.verdicts = verdicts(report.database, model_types=names)
    return report


@contextmanager
def _place(workspace: Workspace, *, dry: bool) -> Iterator[Workspace]:
    if not dry:
        yield workspace
        return
    with tempfile.TemporaryDirectory(prefix="loop-") as folder:
        for name in ("templates", "model_specs", "generated"):
            if (workspace.root / name).is_dir():
                shutil.copytree(workspace.root / name, Path(folder) / name)
        yield Workspace.at(Path(folder), package=workspace.package)


def _surveyed(place: Workspace, outcomes: Sequence[Outcome], report: LoopReport) -> tuple[str, ...]:
    report.failures |= {each.report.model_type: each.failure for each in outcomes if each.failure}
    fresh = Workspace(place.root, place.package)  # its list of surveyed types is taken once
    return fresh.chosen([each.report.model_type for each in outcomes if not each.failure])


def _round(
    place: Workspace,
    stems: Sequence[str],
    options: Options,
    listener: Listener,
    *,
    report: LoopReport,
    number: int,
) -> Round:
    listener.stage("generate", number)
    generated = generate_types(place, stems, step=listener.counted(len(stems)))
    for outcome in generated.outcomes:
        if why := outcome.error or outcome.lacking:
            report.failures[outcome.stem] = why
    alive = [stem for stem in stems if stem not in report.failures]

    options = replace(options, run=new_run())  # each round has a folder of its own
    listener.stage("test", number)
    trials = [trial for stem in alive if (trial := _trial(place, stem, report)) is not None]
    seen = [run_trials(trials, options, listener)]
    if number == 1:
        with tempfile.TemporaryDirectory(prefix="candidates-") as scratch:
            again = candidates(place, alive, Path(scratch))
            report.failures |= again.errors
            if again.trials:
                listener.stage("try again what was left out", number)
                seen.append(run_trials(again.trials, replace(options, run=new_run()), listener))
    report.problems = [problem for each in seen for problem in each.problems]
    report.bad = list(seen[0].bad())

    listener.stage("record", number)
    recorded = results.record(_files(options.observations), report.database, profile=profile_file())
    report.problems += list(recorded.wrong)

    listener.stage("adopt", number)
    adoptions = adopt_types(place, alive, evidence(report.database, alive), may_return=number == 1)
    report.failures |= {each.stem: each.error for each in adoptions if each.error}
    found = all_changes(adoptions)
    return Round(number, generated.written, *_counts(seen), found)


def _counts(seen: Sequence[TrialReport]) -> tuple[int, int]:
    return sum(len(each.observations) for each in seen), sum(len(each.reused) for each in seen)


def _trial(place: Workspace, stem: str, report: LoopReport) -> Trial | None:
    """Return a module and its tests; None, and the reason in `report`, if nobody wrote a template for these."""
    suite = place.root / test_path(stem)
    if not suite.is_file():
        report.failures[stem] = "no template makes tests for it, so that nothing can be proved"
        return None
    return Trial(_model_type(place, stem), place.root / skill_path(stem), suite)


def _model_type(place: Workspace, stem: str) -> str:
    files = place.spec_files(stem)
    if files.surveyed is None:
        raise AccelerateError(f"{stem}: its survey vanished while the loop ran; run the loop again")
    return read_spec(files.surveyed, files.override).model_type


def _files(observations: Path) -> list[Path]:
    return sorted(observations.rglob("*.jsonl"))


def _inputs(place: Workspace, stems: Sequence[str]) -> tuple[object, ...]:
    """Return what must not change while the loop runs: templates and specs, not the findings that it writes itself."""
    specs = [place.spec_files(stem) for stem in stems]
    texts = [
        path.read_bytes() for each in specs for path in (each.surveyed, each.override) if path is not None
    ]
    return ({each.name: each.digest for each in place.templates()}, texts)


def options_for(
    workspace: Workspace, *, jobs: int, timeout_s: float, memory_mb: float | None, fresh: bool
) -> Options:
    """Return how the tests of a loop in `workspace` are run."""
    folder = observations_folder(workspace.root)
    return Options(observations=folder, jobs=jobs, timeout_s=timeout_s, memory_mb=memory_mb, fresh=fresh)
