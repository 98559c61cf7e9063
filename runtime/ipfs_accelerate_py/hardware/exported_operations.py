"""The small real operation on each backend that runs exported models, for a probe's child process."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.hardware.answer import Device
from ipfs_accelerate_py.hardware.machine import processor_name
from ipfs_accelerate_py.hardware.onnx_graph import matmul_model
from ipfs_accelerate_py.hardware.report import MATRIX, Report, extra, installed

ON_PROCESSOR: Final = "CPUExecutionProvider"
QNN: Final = "QNNExecutionProvider"

# Qualcomm's libraries for the QNN provider: the neural processor, and a reference that runs on the processor.
QNN_LIBRARIES: Final = {"npu": "QnnHtp", "cpu": "QnnCpu"}


def openvino(report: Report) -> None:
    """Compile a one-node graph for each device of OpenVINO and run it."""
    if not installed("openvino"):
        report.absent("openvino is not installed", extra("'ipfs_accelerate_py[openvino]'"))
        return
    from openvino import Core, Model, __version__, opset13

    report.detail("library", f"openvino {__version__.partition('-')[0]}")
    x = opset13.parameter([2, 2], np.float32)
    graph = Model([opset13.matmul(x, x, transpose_a=False, transpose_b=False)], [x], "probe")
    core = Core()
    for device in core.available_devices:
        if report.trying(device):
            compiled = core.compile_model(graph, device)
            found = compiled([np.array(MATRIX, np.float32)])[0]
            report.works(Device(device, core.get_property(device, "FULL_DEVICE_NAME")), found)
    if not core.available_devices:
        report.absent("OpenVINO finds no device", "install the driver of your processor, GPU or NPU")


def onnxruntime(report: Report) -> None:
    """Run a one-node model on each execution provider of ONNX Runtime."""
    if not installed("onnxruntime"):
        report.absent("onnxruntime is not installed", extra("'ipfs_accelerate_py[onnx]'"))
        return
    import onnxruntime as ort

    report.detail("library", f"onnxruntime {ort.__version__}")
    # Azure's is a remote service, QNN's is the backend "qualcomm"; the processor is sure to answer: first.
    providers = [name for name in ort.get_available_providers() if not name.startswith(("Azure", "QNN"))]
    for provider in sorted(providers, key=lambda name: name != ON_PROCESSOR):
        if report.trying(provider):
            name = (
                processor_name() if provider == ON_PROCESSOR else provider.removesuffix("ExecutionProvider")
            )
            report.works(Device(provider, name), _square(ort, provider, {}))


def qualcomm(report: Report) -> None:
    """Run a one-node model on ONNX Runtime's QNN provider: neural processor first, then its simulation."""
    install = "on a Snapdragon machine: python -m pip install onnxruntime-qnn"
    if not installed("onnxruntime"):
        report.absent("onnxruntime is not installed", install)
        return
    import onnxruntime as ort

    if QNN not in ort.get_available_providers():
        report.absent(f"onnxruntime {ort.__version__} has no QNN provider", install)
        return
    report.detail("library", f"onnxruntime {ort.__version__}")
    for name, library in QNN_LIBRARIES.items():
        if report.trying(name):
            file = f"{library}.dll" if sys.platform == "win32" else f"lib{library}.so"
            found = _square(ort, QNN, {"backend_path": file})
            report.works(Device(name, f"QNN {library}", simulated=name == "cpu"), found)


def _square(ort: Any, provider: str, options: Mapping[str, str]) -> Any:
    settings = ort.SessionOptions()
    settings.log_severity_level = 3  # errors only: the last line of stderr becomes the reason of a failure
    settings.intra_op_num_threads = 1
    if provider != ON_PROCESSOR:  # or the processor would answer for a device that is not there
        settings.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    session = ort.InferenceSession(matmul_model(), settings, providers=[(provider, dict(options))])
    if session.get_providers()[0] != provider:
        raise RuntimeError(f"ONNX Runtime could not load {provider}")
    return session.run(None, {"x": np.array(MATRIX, np.float32)})[0]
