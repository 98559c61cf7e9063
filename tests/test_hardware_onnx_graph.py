"""The ONNX model that is written byte by byte."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime

from ipfs_accelerate_py.hardware.onnx_graph import matmul_model


def test_the_official_checker_accepts_the_model() -> None:
    model = onnx.load_model_from_string(matmul_model())
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["MatMul"]


def test_the_model_squares_a_matrix() -> None:
    session = onnxruntime.InferenceSession(matmul_model(), providers=["CPUExecutionProvider"])
    matrix = np.array([[0, 1], [1, 1]], np.float32)
    assert session.run(None, {"x": matrix})[0].tolist() == (matrix @ matrix).tolist()
