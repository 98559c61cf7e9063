"""What `ipfs-accelerate test` shows while it runs."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ipfs_accelerate_generator.trial.options import Trial
from ipfs_accelerate_generator.trial.report import WORDS
from ipfs_accelerate_py.cli.console import err
from ipfs_accelerate_py.evidence.cells import ANY
from ipfs_accelerate_py.evidence.observation import Observation


def line(observation: Observation, word: str) -> str:
    """Return an observation in one line: "bert fill-mask openvino, test_agrees: failed: largest ..."."""
    place = [name for name in (observation.task, observation.backend) if name != ANY]
    said = f": {observation.message}" if observation.message else ""
    kind = observation.failure if observation.failure not in {None, "AssertionError"} else None
    why = f" ({kind})" if kind is not None and kind not in said else ""
    return f"{' '.join([observation.model_type, *place])}, {observation.property}: {word}{why}{said}"


class Bar:
    """A bar on stderr that grows as tests become known; in a pipe, a line for each model type and failure."""

    def __init__(self) -> None:
        self._console = err()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._bar = self._progress.add_task("test", total=None)
        self._total = self._done = self._failed = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def planned(self, trial: Trial, wanted: int, done: int) -> None:
        """Add the tests of a trial to the total."""
        self._total += wanted
        self._done += done
        if not self._console.is_terminal:
            self._console.print(Text(f"test {trial.model_type}: {wanted} tests, {done} seen before"))
        self._show(trial.model_type)

    def observed(self, observation: Observation) -> None:
        """Move on; say at once what did not work."""
        self._done += 1
        if observation.outcome not in {"passed", "skipped"}:
            self._failed += 1
            self._console.print(Text(line(observation, WORDS.get(observation.outcome, observation.outcome))))
        self._show(observation.model_type)

    def _show(self, model_type: str) -> None:
        failed = f", {self._failed} did not pass" if self._failed else ""
        self._progress.update(
            self._bar, total=self._total, completed=self._done, description=f"test {model_type}{failed}"
        )
