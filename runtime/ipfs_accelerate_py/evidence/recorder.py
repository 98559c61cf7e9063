"""What the plugin does in a run that records: one line before and one after each generated test."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from ipfs_accelerate_py.evidence import lines
from ipfs_accelerate_py.evidence.cells import ANY, Cell, EvidenceError, cell, property_name
from ipfs_accelerate_py.evidence.environment import environment
from ipfs_accelerate_py.evidence.fixture import EVIDENCE, Evidence
from ipfs_accelerate_py.evidence.messages import clean, reason
from ipfs_accelerate_py.evidence.observation import COLLECTION, Collected, Started, now
from ipfs_accelerate_py.evidence.outcomes import Seen, finished, key_of, observation
from ipfs_accelerate_py.evidence.selection import Selection
from ipfs_accelerate_py.evidence.subject import Subject, model_type_of, subject

_SEEN: pytest.StashKey[Seen] = pytest.StashKey()
_STARTED: pytest.StashKey[Started] = pytest.StashKey()
_NO_PARAMETERS: Final = (
    "NOTSET"  # what pytest calls the one skipped test of an empty list, as of no exported cells
)


@dataclass
class Recorder:
    """Appends to one file; registered as a plugin of one process."""

    path: Path
    selection: Path | None = None
    _chosen: Selection | None = field(default=None, init=False)
    _subjects: dict[Path, Subject | None] = field(default_factory=dict, init=False)

    def pytest_sessionstart(self) -> None:
        """Write down where this process runs, and make it end with the driver that waits for it."""
        if self.selection is not None:
            self._chosen = Selection.from_json(self.selection.read_text())
            end_with(self._chosen.driver)
        self._append(lines.Surroundings(run=self._run, worker=self.path.stem, facts=environment()))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Write down which tests each file holds, and leave out those that are not wanted or already done."""
        kept: list[pytest.Item] = []
        left: list[pytest.Item] = []
        tests: dict[Path, list[tuple[str, str, str, str]]] = {}
        for item in items:
            started = self._describe(item)
            if started is None:
                kept.append(item)
                continue
            item.stash[_STARTED] = started
            tests.setdefault(item.path, []).append(
                (started.property, started.task, started.backend, started.precision)
            )
            (kept if self._wanted(started) else left).append(item)
        for path, names in tests.items():
            self._append(self._collected(path, names))
            self._append_collection(path, "passed")  # takes back that it could not be
        if left:
            config.hook.pytest_deselected(items=left)
            items[:] = kept

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Write one line before the test and one after it; none after an interruption."""
        described = item.stash.get(_STARTED, None)
        if described is None:
            return (yield)
        if self._chosen is not None and os.getppid() != self._chosen.driver:
            pytest.exit("the process that waits for these results has ended", returncode=2)
        started = replace(described, started=now())
        item.stash[_SEEN] = Seen()
        self._append(started)
        result = yield
        self._append(observation(started, item.stash[_SEEN], item.stash.get(EVIDENCE, Evidence())))
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, Any]:
        """Keep what really happened: to an expected failure pytest gives another outcome."""
        if (seen := item.stash.get(_SEEN, None)) is not None:
            seen.error = seen.error or call.excinfo
            seen.all_s += call.duration
            if call.when == "call":
                seen.call_s = call.duration
        return (yield)

    def pytest_exception_interact(self, node: object, call: pytest.CallInfo[None]) -> None:
        """Write down that a file of generated tests cannot be imported."""
        if isinstance(node, pytest.Module) and call.excinfo is not None:
            error = call.excinfo.value.__cause__ or call.excinfo.value
            self._append_collection(node.path, "failed", type(error).__name__, reason(error, node.path.name))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write down that a file of generated tests does not run on this machine."""
        if report.skipped and isinstance(report.longrepr, tuple):
            path, _, message = report.longrepr
            self._append_collection(Path(path), "skipped", None, clean(message.removeprefix("Skipped: ")))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write down the death of an xdist worker, which only the controller sees (`when` is "???")."""
        if str(report.when) != "???":
            return
        for started in lines.read_all(sorted(self.path.parent.glob("*.jsonl"))).unfinished:
            if started.node == report.nodeid:
                message = clean(str(report.longrepr))
                self._append(finished(started, "crashed", worker=self.path.stem, message=message))

    @property
    def _run(self) -> str:
        return self.path.parent.name

    def _append(self, line: lines.Line) -> None:
        lines.append(self.path, line)

    def _describe(self, item: pytest.Item) -> Started | None:
        """Return the line that precedes a generated test, None for any other test."""
        if not isinstance(item, pytest.Function):
            return None
        if item.path not in self._subjects:
            self._subjects[item.path] = self._subject(item)
        about = self._subjects[item.path]
        if about is None:
            return None
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        identifier = item.callspec.id if hasattr(item, "callspec") else ""
        if _NO_PARAMETERS in identifier.split("-"):
            return None
        function = item.nodeid.partition("[")[0].partition("::")[2]
        place = cell(about.model_type, parameters)
        return self._started(
            about,
            place,
            name=property_name(function, parameters, identifier),
            node=item.nodeid,
            expected=item.get_closest_marker("xfail") is not None,
        )

    def _started(
        self, about: Subject, place: Cell, *, name: str, node: str, expected: bool = False
    ) -> Started:
        return Started(
            run=self._run,
            worker=self.path.stem,
            model_type=place.model_type,
            task=place.task,
            backend=place.backend,
            precision=place.precision,
            property=name,
            slice=about.slice(place),
            environment=environment().digest,
            test=about.suite_digest,
            node=node,
            expected=expected,
        )

    def _subject(self, item: pytest.Function) -> Subject | None:
        try:
            about = subject(item.module)
        except EvidenceError as error:
            raise pytest.UsageError(str(error)) from error
        chosen = self._chosen
        if about is not None and chosen is not None and about.module != Path(chosen.module).resolve():
            raise pytest.UsageError(
                f"{item.path}: tests {about.module}, but {chosen.module} was to be tested"
            )
        return about

    def _wanted(self, started: Started) -> bool:
        if self._chosen is None:
            return True
        return (
            self._chosen.wants(started.task, started.backend) and key_of(started) not in self._chosen.finished
        )

    def _collected(self, path: Path, names: list[tuple[str, str, str, str]]) -> Collected:
        about = self._subjects[path]
        assert about is not None  # its tests were described
        return Collected(
            run=self._run,
            worker=self.path.stem,
            model_type=about.model_type,
            test=about.suite_digest,
            source=about.source_digest,
            tests=tuple(names),
        )

    def _append_collection(
        self, suite: Path, outcome: str, failure: str | None = None, message: str | None = None
    ) -> None:
        about = self._subjects.get(suite) or self._announced(suite)
        if about is None:
            return
        started = self._started(about, Cell(about.model_type, ANY, ANY), name=COLLECTION, node=suite.name)
        self._append(started)
        self._append(finished(started, outcome, failure=failure, message=message))

    def _announced(self, suite: Path) -> Subject | None:
        """Return the subject of a file that could not be imported."""
        if self._chosen is not None:
            return Subject(self._chosen.model_type, Path(self._chosen.module), suite)
        model_type = model_type_of(suite)
        return None if model_type is None else Subject(model_type, suite, suite)


def end_with(driver: int) -> None:
    """Have the kernel kill this process when the process `driver`, its parent, ends (Linux), and dump no core."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        import ctypes
        import signal

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != driver:
        pytest.exit("the process that waits for these results has ended", returncode=2)
