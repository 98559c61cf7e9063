"""The engine of compiled models of OpenVINO."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.skills.engine_openvino import OpenVINOEngine

openvino = pytest.importorskip("openvino")


def compiled(names: set[str]) -> Any:
    """Return a model that doubles `numbers`, whose output has all of these `names`."""
    from openvino import opset8

    numbers = opset8.parameter([-1], np.float32, name="numbers")
    numbers.output(0).set_names({"numbers"})
    twice = opset8.add(numbers, numbers)
    twice.output(0).set_names(names)
    return openvino.Core().compile_model(openvino.Model([twice], [numbers]), "CPU")


def test_an_output_is_found_by_its_name_whatever_name_openvino_has_for_it() -> None:
    engine = OpenVINOEngine(
        compiled({"logits"}), {"picture": lambda: compiled({"/Squeeze_output_0", "vectors"})}
    )
    found = engine.run("picture", {"numbers": np.float32([1, 2, 3])})
    assert found["vectors"].tolist() == [2, 4, 6]
