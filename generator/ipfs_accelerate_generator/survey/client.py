"""Surveys made in a process of their own, so that transformers is imported where it can do no harm."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final, TextIO

from ipfs_accelerate_generator.survey.report import Report, Request
from ipfs_accelerate_generator.survey.subject import SurveyError

SERVER: Final = "ipfs_accelerate_generator.survey.server"
OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}


def surveys(request: Request, root: Path, counted: Callable[[int], None]) -> Iterator[Report]:
    """Yield a report for each type as it ends; `counted` is told beforehand how many there will be.

    Raises:
        SurveyError: the process could not begin, or ended before its work.
    """
    path = os.pathsep.join(part for part in (str(root), os.environ.get("PYTHONPATH", "")) if part)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as noise:
        server = subprocess.Popen(
            [sys.executable, "-m", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
            env=os.environ | OFFLINE | {"PYTHONPATH": path},
            text=True,
            encoding="utf-8",
        )
        assert server.stdin is not None  # both are pipes
        assert server.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError), server.stdin as questions:
                questions.write(json.dumps(asdict(request)) + "\n")
            missing: int | None = None
            for line in server.stdout:
                message = json.loads(line)
                if "fatal" in message:
                    raise SurveyError(message["fatal"])
                if "total" in message:
                    missing = int(message["total"])
                    counted(missing)
                else:
                    missing = (missing or 0) - 1
                    yield Report(**message)
            if missing != 0:
                raise SurveyError(f"the surveying process ended early: {_last_line(noise)}")
        finally:
            server.kill()
            server.wait()
            server.stdout.close()


def _last_line(noise: TextIO) -> str:
    noise.seek(0)
    lines = [line.strip() for line in noise if line.strip()]
    return lines[-1] if lines else "it said nothing"
