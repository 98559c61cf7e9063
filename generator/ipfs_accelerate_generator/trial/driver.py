"""Runs trials in children that may crash, hang or eat all memory, and writes down what that shows."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ipfs_accelerate_generator.trial import ending
from ipfs_accelerate_generator.trial.child import Child, nursery_for, start
from ipfs_accelerate_generator.trial.ending import Ending
from ipfs_accelerate_generator.trial.history import History, wanted
from ipfs_accelerate_generator.trial.nursery import WORTH, Nursery
from ipfs_accelerate_generator.trial.options import Nobody, Options, Trial, Watcher
from ipfs_accelerate_generator.trial.processes import kernel_kills, resident_mb
from ipfs_accelerate_generator.trial.report import TrialReport
from ipfs_accelerate_generator.trial.task import DRIVER, Task
from ipfs_accelerate_py.evidence import lines
from ipfs_accelerate_py.evidence.cells import Cell, EvidenceError, file_stem
from ipfs_accelerate_py.evidence.environment import environment
from ipfs_accelerate_py.evidence.observation import COLLECTION, SHUTDOWN, Collected, Observation, Started
from ipfs_accelerate_py.evidence.outcomes import finished, key_of
from ipfs_accelerate_py.evidence.selection import Selection

POLL_S: Final = 0.05
FRUITLESS: Final = 2  # starts that crash before any test, after which a file of tests is given up


def run_trials(trials: Sequence[Trial], options: Options, watcher: Watcher | None = None) -> TrialReport:
    """Run the tests of each trial and return what they have shown, now or in an earlier run.

    Each trial has a process of its own; one that crashes, hangs or holds too much memory is ended with all
    that it has started, the test that it was running is written down as such, and the rest is run in a new
    process. Tests that were seen before of the same text, in the same environment, are not run again (but see
    `Options.fresh`): after an interruption a run goes on where it was.

    Raises:
        WorkspaceError: observations cannot be written.
        EvidenceError: the folder of observations holds something else.
        KeyboardInterrupt: Ctrl-C; all children have been ended, and what was seen is kept.
    """
    return _Run(trials, options, watcher or Nobody()).run()


@dataclass
class _Pair:
    task: Task
    child: Child
    kernel_kills: int


class _Run:
    def __init__(self, trials: Sequence[Trial], options: Options, watcher: Watcher) -> None:
        self._options = options
        self._watcher = watcher
        self._limit_mb = options.limit_mb
        self._environment = environment()
        self._history = History.read(options.observations, self._environment.digest)
        self._waiting = deque(self._tasks(trials))
        self._begun: list[Task] = []
        self._running: list[_Pair] = []
        self._started: dict[str, Started] = {}
        self._observations: list[Observation] = []
        self._reused: list[Observation] = []
        self._problems: list[str] = []
        self._file = options.folder / f"{DRIVER}.jsonl"
        self._nursery: Nursery | None = None
        self._worth = sys.platform == "linux" and len(self._waiting) >= WORTH

    def _tasks(self, trials: Sequence[Trial]) -> list[Task]:
        names: set[str] = set()
        tasks = []
        for trial in trials:
            name = f"hf_{file_stem(trial.model_type)}"
            while name in names:  # the same type from another folder
                name += "_"
            names.add(name)
            tasks.append(Task(trial, name, self._history.done(trial, self._options)))
        return tasks

    def run(self) -> TrialReport:
        try:
            while self._waiting or self._running:
                while self._waiting and len(self._running) < self._options.jobs:
                    self._begin(self._waiting.popleft())
                self._watch()
                if self._running:
                    time.sleep(POLL_S)
        finally:
            for pair in self._running:
                pair.child.end()
            if self._nursery is not None:
                self._nursery.close()
        for task in self._begun:
            self._reused += [task.done[key] for key in task.chosen or () if key in task.done]
        return TrialReport(
            run=self._options.run,
            folder=self._options.folder,
            observations=tuple(self._observations),
            reused=tuple(self._reused),
            expected=frozenset(self._history.expected),
            torn=tuple(self._history.torn),
            problems=tuple(self._problems),
        )

    def _begin(self, task: Task) -> None:
        """Start the child of a trial, unless all that is wanted of it was seen before."""
        self._begun.append(task)
        try:
            collected = self._history.tests(task.trial)
            if collected is not None:
                self._plan(task, collected)
                if not task.left:
                    self._reused += filter(None, [self._bad_end(task)])
                    return
        except EvidenceError as error:
            self._problems.append(f"{task.trial.model_type}: {error}")
            return
        self._start(task)

    def _start(self, task: Task) -> None:
        options = self._options
        if not self._file.exists():  # and if it cannot be written, no child need be started
            here = lines.Surroundings(run=options.run, worker=DRIVER, facts=self._environment)
            lines.append(self._file, here)
        if self._worth and self._nursery is None:
            self._nursery = nursery_for(options)
        selection = Selection(
            model_type=task.trial.model_type,
            module=str(task.trial.module),
            driver=(
                self._nursery.pid if self._nursery else os.getpid()
            ),  # with whose end the child's makes sense
            tasks=options.tasks,
            backends=options.backends,
            finished=frozenset(task.done) | task.finished,
        )
        try:
            child = start(task.trial, options, selection, name=task.name, nursery=self._nursery)
        except EvidenceError as error:
            self._problems.append(f"{task.trial.model_type}: {error}")
            return
        self._running.append(_Pair(task, child, kernel_kills()))

    def _plan(self, task: Task, collected: Collected) -> None:
        if task.chosen is None:
            task.chosen = wanted(task.trial, collected, self._options)
            done = sum(key in task.done for key in task.chosen)
            self._watcher.planned(task.trial, len(task.chosen), done)

    def _watch(self) -> None:
        """Read what the children have written, and look whether one has ended or must be."""
        held = resident_mb(frozenset(pair.child.process.pid for pair in self._running))
        for pair in list(self._running):
            child = pair.child
            self._read(pair)
            memory = held.get(child.process.pid, 0.0)
            child.peak_mb = max(child.peak_mb, memory)
            why: Ending | None = None
            code = child.process.poll()
            if code is None and self._limit_mb is not None and memory > self._limit_mb:
                child.end()
                why = ending.out_of_memory(child, self._limit_mb)
            elif code is None and child.silent_s > self._options.timeout_s:
                child.dump_and_end()
                why = ending.out_of_time(child, self._options)
            elif code is None:
                continue
            else:
                child.end()  # what it has left behind
            self._running.remove(pair)
            self._read(pair)
            if why is None and code is not None:
                why = ending.by_itself(child, code, kernel_kills=kernel_kills() - pair.kernel_kills)
            assert why is not None
            self._ended(pair.task, child, why)

    def _read(self, pair: _Pair) -> None:
        for line in pair.child.read():
            if isinstance(line, Collected):
                self._plan(pair.task, line)
            elif isinstance(line, Started):
                self._started[line.id] = line
            elif isinstance(line, Observation):
                self._observed(pair.task, self._started[line.id], line)

    def _observed(self, task: Task, started: Started, observation: Observation) -> None:
        task.finished.add(key_of(started))
        if started.expected:
            self._history.expected.add(observation.id)
        if not observation.is_routine():
            self._observations.append(observation)
            self._watcher.observed(observation)

    def _ended(self, task: Task, child: Child, why: Ending) -> None:
        """Write down what the end of a child shows, and start another for the tests that are left."""
        if why.problem is not None:
            self._problems.append(f"{task.trial.model_type}: {why.problem}; see {child.log}")
            return
        task.fruitless = 0 if child.seen or child.running is not None else task.fruitless + 1
        if why.outcome is None:
            if task.left:
                said = f"{len(task.left)} tests were not run; see {child.log}"
                self._problems.append(f"{task.trial.model_type}: {said}")
            elif child.collected:
                self._take_back(task, child)
        elif child.running is not None:
            self._conclude(task, child.running, child, why)
            if why.exporting:
                self._leave(task, child.running.cell())
            if task.left:
                self._start(task)
        elif child.collected and not task.left:
            self._conclude(task, task.about(SHUTDOWN, run=self._options.run), child, why)
        elif (
            why.outcome == "crashed" and task.fruitless < FRUITLESS
        ):  # between two tests, or by another's hand
            self._start(task)
        else:
            self._conclude(task, task.about(COLLECTION, run=self._options.run), child, why)

    def _leave(self, task: Task, cell: Cell) -> None:
        """Give up the tests of `cell` that are left: each would wait for the same export once more."""
        left = [key for key in task.left if key[1:4] == (cell.task, cell.backend, cell.precision)]
        task.finished.update(left)
        if left:
            said = f"{len(left)} more tests of {cell.task} on {cell.backend} were not run: its export takes too long"
            self._problems.append(f"{task.trial.model_type}: {said}; allow more with --timeout")

    def _take_back(self, task: Task, child: Child) -> None:
        """Write down that a child has ended well, if it did not on an earlier day."""
        started = task.about(SHUTDOWN, run=self._options.run)
        if self._bad_end(task) is not None:
            self._conclude(task, started, child, Ending("passed"))

    def _bad_end(self, task: Task) -> Observation | None:
        """Return what was seen of the last process with these tests, if it did not end well."""
        of_type = self._history.seen.get(task.trial.model_type, {})
        earlier = of_type.get(key_of(task.about(SHUTDOWN, run=self._options.run)))
        return None if earlier is None or earlier.is_routine() else earlier

    def _conclude(self, task: Task, started: Started, child: Child, why: Ending) -> None:
        observation = finished(
            started,
            str(why.outcome),
            worker=DRIVER,
            seconds=round(child.silent_s, 3),
            peak_mb=why.peak_mb,
            failure=why.failure,
            message=why.message,
        )
        if started.worker == DRIVER:
            lines.append(self._file, started)
        lines.append(self._file, observation)
        self._observed(task, started, observation)
