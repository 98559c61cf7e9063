"""OpenVINO is imported and compiles lean, and the process around it does not notice."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.skills.lean_openvino import compiling, lean_openvino

CONVERT = """
import json, sys
from ipfs_accelerate_py.skills.lean_openvino import lean_openvino

openvino = lean_openvino()
before = sorted({"http.client", "openvino.tools.ovc", "openvino_telemetry"} & set(sys.modules))
import torch
converted = openvino.convert_model(torch.nn.ReLU(), example_input=torch.zeros(1, 2))
import openvino as again
print(json.dumps({"before": before, "same": again is openvino, "whole": "openvino.tools.ovc" in sys.modules,
                  "outputs": len(converted.outputs)}))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    openvino = lean_openvino()
    from openvino import opset13 as ops

    given = ops.parameter([-1, 4], np.float32, name="given")
    doubled = ops.multiply(given, ops.constant(np.float32(2)))
    path = tmp_path_factory.mktemp("model") / "model.xml"
    openvino.save_model(openvino.Model([doubled], [given], "doubling"), path)
    return openvino.Core().read_model(path)


def smallest_product() -> float:
    """A product that is denormal; 0 where the thread takes such numbers for zero."""
    return float((np.full(4, 1e-40, np.float32) * np.float32(1))[0])


def test_the_converter_comes_with_its_first_use(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CONVERT], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    assert said == {"before": [], "same": True, "whole": True, "outputs": 1}


def test_denormal_numbers_survive_compiling_and_inference(model: Any) -> None:
    compiled = compiling(lean_openvino().Core(), model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})()
    answer = compiled.create_infer_request().infer({0: np.ones((3, 4), np.float32)})[0]
    np.testing.assert_array_equal(answer, np.full((3, 4), 2))
    assert smallest_product() > 0


def test_streams_keep_denormal_numbers_since_small_whole_ones_look_like_them(model: Any) -> None:
    exact = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "THROUGHPUT"}
    queue = lean_openvino().AsyncInferQueue(compiling(lean_openvino().Core(), model, "CPU", exact)())
    found: list[float] = []
    queue.set_callback(lambda request, _: found.append(float(request.get_output_tensor().data.min())))
    for _ in range(8):
        queue.start_async({0: np.full((3, 4), 1e-40, np.float32)})
    queue.wait_all()
    assert len(found) == 8
    assert min(found) > 0


def test_what_openvino_refuses_is_raised_where_the_model_is_awaited(model: Any) -> None:
    wait = compiling(lean_openvino().Core(), model, "CPU", {"NO_SUCH_SETTING": "1"})
    with pytest.raises(RuntimeError, match="NO_SUCH_SETTING"):
        wait()
    assert "openvino-compile" not in {thread.name for thread in threading.enumerate()}


REPORT = """
import json, sys
{found}
import torch
converted = openvino.convert_model(torch.nn.ReLU(), example_input=torch.zeros(1, 2))
print(json.dumps([len(converted.outputs), sys.modules.get("openvino_telemetry") is not None]))
"""
SILENT = "from ipfs_accelerate_py.skills.lean_openvino import silent_openvino; openvino = silent_openvino()"


@pytest.mark.parametrize(("found", "reports"), [(SILENT, False), ("import openvino", True)])
def test_a_conversion_is_reported_to_nobody(found: str, *, reports: bool) -> None:
    command = [sys.executable, "-c", REPORT.format(found=found)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [1, reports]
