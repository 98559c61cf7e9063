"""The process that surveys: it imports transformers once and gives each model type a forked child of its own.

It reads one JSON request from stdin and writes one JSON line to stdout as each type ends. A child that
crashes, hangs or prints harms nobody: its end is a line like any other. Run it as `python -m`; `client` does.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from ipfs_accelerate_generator.survey.report import Report, Request
from ipfs_accelerate_py.errors import AccelerateError


@dataclass
class _Child:
    """A forked child at work on one model type."""

    model_type: str
    process: Any
    answer: Connection
    begun: float


def main() -> int:
    """Answer the request on stdin; return the exit code."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what transformers or a model type prints must not be taken for an answer

    def say(message: dict[str, Any]) -> None:
        lines.write(json.dumps(message) + "\n")
        lines.flush()

    request = Request(**json.loads(sys.stdin.readline()))
    try:
        types = tuple(each for each in _prepared(request) if each not in set(request.known))
    except AccelerateError as error:
        say({"fatal": str(error)})
        return 1
    say({"total": len(types)})
    _survey_all(types, request, say)
    return 0


def _prepared(request: Request) -> tuple[str, ...]:
    """Import what all children need; return the model types to survey."""
    import torch

    from ipfs_accelerate_generator.survey import surveyor
    from ipfs_accelerate_generator.survey.subject import import_all, model_types

    torch.set_num_threads(
        1
    )  # the children run beside each other, and a pool of threads does not outlive a fork
    import_all(request.imports)
    if not request.everything:
        return tuple(dict.fromkeys(request.model_types))
    assert surveyor  # imported here so that no child has to
    return model_types()


def _survey_all(types: tuple[str, ...], request: Request, say: Callable[[dict[str, Any]], None]) -> None:
    waiting, working = deque(types), list[_Child]()
    while waiting or working:
        while waiting and len(working) < max(request.jobs, 1):
            working.append(_begun(waiting.popleft(), request))
        ready = wait([child.answer for child in working], timeout=0.5)
        for child in list(working):
            late = time.monotonic() - child.begun > request.limit_s
            if child.answer in ready or late:
                working.remove(child)
                say(_ended(child, request.limit_s, late=late and child.answer not in ready))


def _begun(model_type: str, request: Request) -> _Child:
    context = multiprocessing.get_context("fork")
    answer, question = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(question, model_type, request), daemon=True)
    process.start()
    question.close()
    return _Child(model_type, process, answer, time.monotonic())


def _ended(child: _Child, limit_s: float, *, late: bool) -> dict[str, Any]:
    """Return what the child found, or how it ended without an answer."""
    seconds = round(time.monotonic() - child.begun, 1)
    if late:
        child.process.kill()
        child.process.join()
        failure = f"{child.model_type}: took longer than {limit_s:.0f} s; allow more with --limit"
        return asdict(_failed(child.model_type, failure, seconds))
    try:
        found: dict[str, Any] = child.answer.recv()
    except EOFError:
        child.process.join()
        failure = f"{child.model_type}: its process ended without an answer, {_how(child.process.exitcode)}"
        return asdict(_failed(child.model_type, failure, seconds))
    child.process.join()
    return found | {"seconds": seconds}


def _failed(model_type: str, failure: str, seconds: float = 0.0, *, absent: bool = False) -> Report:
    from ipfs_accelerate_generator.survey.subject import tabled

    tasks = [] if absent else list(tabled(model_type))
    return Report(model_type, tasks=tasks, seconds=seconds, failure=failure, absent=absent)


def _how(code: int) -> str:
    if code >= 0:
        return f"with code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _work(question: Connection, model_type: str, request: Request) -> None:
    """Survey one type in the child and send what was found."""
    from ipfs_accelerate_generator.spec import file_stem
    from ipfs_accelerate_generator.specfile import write_surveyed
    from ipfs_accelerate_generator.survey.foreign import FOREIGN, first_line
    from ipfs_accelerate_generator.survey.subject import NoModelClass
    from ipfs_accelerate_generator.survey.surveyor import survey_type

    try:
        found = survey_type(model_type, tuple(request.imports), request.told.get(file_stem(model_type), {}))
    except AccelerateError as error:
        report = _failed(model_type, str(error), absent=isinstance(error, NoModelClass))
    except FOREIGN as error:
        report = _failed(model_type, f"{model_type}: {first_line(error)}")
    else:
        report = Report(
            model_type,
            text=write_surveyed(found.spec),
            tasks=list(found.spec.tasks),
            alternative=found.alternative,
            tried=list(found.tried),
            left_out=list(found.left_out),
            other_inputs=list(found.other_inputs),
            control=found.control,
        )
    question.send(asdict(report))


if __name__ == "__main__":
    sys.exit(main())
