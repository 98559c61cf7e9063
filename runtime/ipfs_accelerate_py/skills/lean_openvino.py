"""OpenVINO with what running a model needs: no converter, no weights that no input asks for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Any

CONVERTER = "openvino.tools.ovc"
_REPORTS = "openvino_telemetry"

# Without this the CPU plugin reads all weights in search of denormal numbers, also the tables of embeddings, of
# which a text needs a few rows: a fifth of the peak memory of a small encoder. Not for streams: their threads compute
# with it, and to them the bits of a small whole number are a denormal one, so that sizes of OpenVINO 2026.4 turn into
# zero (a Broadcast then fails with "Value -1 not in range").
_UNREAD = {"CPU": {"CPU_DENORMALS_OPTIMIZATION": True}}


def lean_openvino() -> Any:
    """Return the module `openvino`, imported without its model converter, which is imported when it is first called.

    The converter is optional to OpenVINO. It takes more than half of the import, 9 MB and an HTTP client, with which
    it reports to OpenVINO's makers that it was imported; no handler needs any of that.
    """
    if "openvino" in sys.modules:
        import openvino

        return openvino
    sys.modules[CONVERTER] = None  # type: ignore[assignment]  # what the import system takes for "not installed"
    try:
        import openvino
    finally:
        del sys.modules[CONVERTER]

    def convert_model(*arguments: Any, **options: Any) -> Any:
        convert = silent_openvino().tools.ovc.convert_model
        openvino.convert_model = convert
        return convert(*arguments, **options)

    openvino.convert_model = convert_model
    return openvino


def silent_openvino() -> Any:
    """Return the module `openvino` with its model converter, which reports to nobody.

    It would tell OpenVINO's makers of every import and every conversion, with the names of the operations in a model,
    without a question; where the package that sends is not installed, it does without.
    """
    sys.modules.setdefault(_REPORTS, None)  # type: ignore[arg-type]  # as above: "not installed"
    import openvino
    import openvino.tools.ovc

    return openvino


def compiling(core: Any, model: Any, device: str, settings: Mapping[str, str]) -> Callable[[], Any]:
    """Return a function that waits for `model`, compiled for `device` by a thread of its own, and gives it.

    With the setting above OpenVINO makes the compiling thread take denormal numbers for zero from then on; the
    caller's arithmetic stays as it was. And the caller can read a tokenizer meanwhile.
    """
    made: list[Any] = []
    refused: list[RuntimeError] = []

    def work() -> None:
        try:
            streams = settings.get("PERFORMANCE_HINT") == "THROUGHPUT"
            unread = {} if streams else _UNREAD.get(device, {})
            made.append(core.compile_model(model, device, {**settings, **unread}))
        except RuntimeError as error:
            refused.append(error)

    def wait() -> Any:
        thread.join()
        if refused:
            raise refused[0]
        return made[0]

    thread = Thread(target=work, name="openvino-compile")
    thread.start()
    return wait
