"""A graph that was traced keeps every input that matters, and declares those that do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from ipfs_accelerate_py.errors import BundleError
from ipfs_accelerate_py.skills import openvino_program
from ipfs_accelerate_py.skills.routes import Traced, converted, write_onnx


class _Graph(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    def __init__(self, compute: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.compute = compute

    def forward(self, values: Any, count: Any) -> Any:
        return (self.compute(values, count),)


def _traced(compute: Callable[[Any, Any], Any]) -> Traced:
    values, count = torch.arange(12.0).reshape(3, 4), torch.tensor([2, 1])
    return Traced(
        graph=_Graph(compute),
        inputs=("values", "count"),
        outputs=("found",),
        tensors=(values, count),
        open_axes=((0,), ()),
        others=((values[:2], count),),
        config=None,
    )


def _read(values: Any, count: Any) -> Any:
    return values * int(count[0])


def _unused(values: Any, count: Any) -> Any:
    return values + 1


_WAYS = {
    "onnxruntime": lambda traced, folder: write_onnx(traced, folder / "model.onnx", "torchscript"),
    "openvino": lambda traced, folder: converted(traced, "convert_model"),
}


@pytest.mark.parametrize("backend", _WAYS)
def test_a_graph_that_kept_a_number_of_its_example_is_refused(backend: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="the graph keeps the count of its example"):
        _WAYS[backend](_traced(_read), tmp_path)


def test_what_a_model_does_not_use_can_be_fed_all_the_same(tmp_path: Path) -> None:
    write_onnx(_traced(_unused), tmp_path / "model.onnx", "torchscript")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    feeds = {"values": np.ones((5, 4), dtype=np.float32), "count": np.array([7, 7])}
    assert (session.run(["found"], feeds)[0] == 2).all()


@pytest.mark.parametrize("route", ["convert_model", "onnx"])
def test_openvino_too_is_fed_what_a_model_does_not_use(route: str) -> None:
    import openvino

    model, taken = converted(_traced(_unused), route)
    assert taken == route
    compiled = openvino.Core().compile_model(model, "CPU")
    feeds = {"values": np.ones((5, 4), dtype=np.float32), "count": np.array([7, 7])}
    assert (compiled(feeds)["found"] == 2).all()


def test_what_is_compared_is_what_the_file_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    other, _ = converted(_traced(lambda values, count: values - 1), "convert_model")
    keep = openvino_program.save
    monkeypatch.setattr(openvino_program, "save", lambda model, path: keep(other, path))
    with pytest.raises(BundleError, match="found differs"):
        converted(_traced(_unused), "convert_model")
