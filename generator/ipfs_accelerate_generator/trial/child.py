"""One pytest process over the tests of one module: started, watched, ended."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from ipfs_accelerate_generator.trial.nursery import Nursery
from ipfs_accelerate_generator.trial.options import Options, Trial
from ipfs_accelerate_generator.trial.processes import MARK, Process, end_all
from ipfs_accelerate_py.evidence import lines
from ipfs_accelerate_py.evidence.cells import EvidenceError
from ipfs_accelerate_py.evidence.environment import environment
from ipfs_accelerate_py.evidence.messages import clean
from ipfs_accelerate_py.evidence.observation import Collected, Observation, Started
from ipfs_accelerate_py.evidence.selection import Selection
from ipfs_accelerate_py.files import write_atomic

DUMP_S: Final = 2.0  # to write down where it hangs, after which a child is killed

# Of the surroundings only what makes results comparable is set; plugins and options of the user's own pytest
# configuration must not decide what a model is said to do.
_PYTEST: Final = (
    "-c",
    os.devnull,
    "--import-mode=importlib",
    "-p",
    "no:cacheprovider",
    "-p",
    "ipfs_accelerate_py.evidence.plugin",
    "-q",
    "--tb=short",
)
_FRAME: Final = re.compile(
    r'Current thread [^\n]*most recent call first\):\n\s+File "([^"]+)", line (\d+) in (\S+)'
)


@dataclass
class Child:
    """A process that has been started and the file that it writes."""

    trial: Trial
    process: Process
    token: str
    file: Path
    log: Path
    offset: int  # in `file`, up to which it has been read
    news_at: float = field(default_factory=time.monotonic)
    running: Started | None = None
    collected: bool = False
    seen: int = 0  # observations
    peak_mb: float = 0.0  # while the running test has been running

    def read(self) -> Iterator[lines.Line]:
        """Yield the lines that have been written since the last call."""
        with contextlib.suppress(FileNotFoundError), self.file.open("rb") as file:
            file.seek(self.offset)
            whole, newline, _ = file.read().rpartition(b"\n")
            self.offset += len(whole + newline)
            for number, line in enumerate(whole.split(b"\n") if newline else []):
                if not line.strip():
                    continue
                with contextlib.suppress(
                    json.JSONDecodeError, UnicodeDecodeError
                ):  # torn; counted by the history
                    yield self._note(lines.load(line.decode(), where=f"{self.file}, new line {number + 1}"))

    def _note(self, line: lines.Line) -> lines.Line:
        self.news_at = time.monotonic()
        if isinstance(line, Started):
            self.running = line
            self.peak_mb = 0.0
        elif isinstance(line, Observation):
            self.running = None
            self.seen += not line.is_routine()
        elif isinstance(line, Collected):
            self.collected = True
        return line

    @property
    def silent_s(self) -> float:
        """Return for how long nothing has been heard of the child."""
        return time.monotonic() - self.news_at

    def dump_and_end(self) -> None:
        """Have the child write down where it is (into its log), and kill it and all that it has started."""
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            self.process.send_signal(signal.SIGABRT)  # pytest's faulthandler answers
            self.process.wait(DUMP_S)
        self.end()

    def end(self) -> int:
        """Kill the child and all that it has started; return how the child itself ended."""
        end_all(self.process.pid, self.token)
        return self.process.wait()

    def place(self) -> str | None:
        """Return the function and line where the child crashed or was asked; None if it did not say."""
        found = _FRAME.findall(self.log.read_text(errors="replace"))
        if not found:
            return None
        path, line, function = found[-1]
        return f"{function} ({Path(path).name}:{line})"

    def last_words(self) -> str:
        """Return the last error of the log, else its last line that says something.

        pytest counts what it has done on another stream than it tells errors: either may come last in the file.
        """
        said = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip("=_- \t")]
        errors = [line for line in said if line.startswith("ERROR: ")]
        return clean((errors or said)[-1]) if said else "it said nothing"


def start(
    trial: Trial, options: Options, selection: Selection, *, name: str, nursery: Nursery | None = None
) -> Child:
    """Return a running child that tests what `selection` leaves of the trial, forked by `nursery` if there is one.

    Raises:
        EvidenceError: the module is not in a package that it could be imported from.
    """
    package = trial.module.parent
    if not (package / "__init__.py").is_file():
        raise EvidenceError(
            f"{package}: has no __init__.py, so that {trial.module.name} cannot be imported from there; "
            "run `ipfs-accelerate generate` in this workspace"
        )
    for source in (trial.module, trial.suite):
        _forget_bytecode(source)
    file, log = options.folder / f"{name}.jsonl", options.folder / f"{name}.log"
    log.write_bytes(b"")  # it is read even where the child ends before it can say anything
    chosen = options.folder / f"{name}.selection.json"
    write_atomic(chosen, selection.to_json())
    token = uuid.uuid4().hex
    given = ["--observations", options.observations, "--run", options.run, "--observer", name]
    parts = [*_PYTEST, "--rootdir", trial.suite.parent, *given, "--selection", chosen, trial.suite]
    arguments = [str(part) for part in parts]
    surroundings = _environment(package.parent, options, token)
    process: Process
    if nursery is not None:
        process = nursery.fork(arguments, surroundings, log)
    else:
        with log.open("wb") as output:
            process = _spawn([sys.executable, "-m", "pytest", *arguments], surroundings, output)
    return Child(trial, process, token, file, log, offset=file.stat().st_size if file.exists() else 0)


def nursery_for(options: Options) -> Nursery:
    """Return a process that forks children for a run with `options`."""
    return Nursery(_environment(options.folder, options, uuid.uuid4().hex))


def _spawn(command: list[str], environment: dict[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,  # its grandchildren can be ended with it, and Ctrl-C is for the driver alone
    )


def _environment(path: Path, options: Options, token: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    threads = max(1, (os.cpu_count() or 1) // options.jobs)
    # Of its own for each environment: an export by other libraries, or of the user's, would be tested instead.
    home = options.observations.parent / ".ipfs-accelerate" / "trials" / environment().digest
    return {
        **ours,
        "IPFS_ACCELERATE_HOME": str(home.resolve()),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(threads),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join([str(path), *filter(None, [ours.get("PYTHONPATH")])]),
        "TOKENIZERS_PARALLELISM": "false",
        MARK: token,
    }


def _forget_bytecode(source: Path) -> None:
    """Remove compiled forms of a generated file: Python knows a stale one only by second and size."""
    for path in [
        Path(importlib.util.cache_from_source(str(source))),
        *source.parent.glob(f"__pycache__/{source.stem}.*.pyc"),
    ]:
        path.unlink(missing_ok=True)
