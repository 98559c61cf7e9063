"""Whole numbers that are divided in a traced graph are rounded down below zero, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ipfs_accelerate_py.skills import rewrites

_NUMBERS = torch.tensor([-5, -4, -1, 0, 1, 4, 5])


class _Halves(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        return numbers // 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_graph_rounds_down_below_zero(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    path = tmp_path / "model.onnx"
    with rewrites.traced():
        torch.onnx.export(
            _Halves(), (_NUMBERS,), path, dynamo=False, input_names=["numbers"], opset_version=17
        )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"numbers": _NUMBERS.numpy()})
    np.testing.assert_array_equal(found, (_NUMBERS // 2).numpy())


def test_quotients_are_those_of_pytorch() -> None:
    exact, size = _NUMBERS.float(), torch.tensor(7)
    want = _NUMBERS // 3, exact // 0.5, size // 2
    with rewrites.traced():
        got = _NUMBERS // 3, exact // 0.5, size // 2
    assert all(torch.equal(one, other) for one, other in zip(got, want, strict=True))
