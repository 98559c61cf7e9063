"""Compiling by OpenVINO: with little memory, and nothing left behind in the thread that asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Any

# Without this the CPU plugin reads all weights in search of denormal numbers, also the tables of embeddings, of
# which a text needs a few rows: a fifth of the peak memory of a small encoder.
_UNREAD = {"CPU": {"CPU_DENORMALS_OPTIMIZATION": True}}


def compile_apart(core: Any, model: Path, device: str, settings: Mapping[str, str]) -> Any:
    """Return the model in a file, compiled for `device` by a thread of its own.

    With the setting above OpenVINO makes the compiling thread take denormal numbers for zero from then on; the
    caller's arithmetic stays as it was.

    Raises:
        RuntimeError: OpenVINO refused the model or the settings.
    """
    made: list[Any] = []
    refused: list[RuntimeError] = []

    def work() -> None:
        try:
            made.append(core.compile_model(model, device, {**settings, **_UNREAD.get(device, {})}))
        except RuntimeError as error:
            refused.append(error)

    thread = Thread(target=work, name="openvino-compile")
    thread.start()
    thread.join()
    if refused:
        raise refused[0]
    return made[0]
