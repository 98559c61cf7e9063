"""The number of places that an index takes is asked of each text anew, and `min` is Python's own everywhere else."""

from __future__ import annotations

import warnings
from typing import Any

import onnxruntime
import pytest
import torch
from transformers.models.axk2 import modeling_axk2 as axk2

from ipfs_accelerate_py.skills.indexed_places import by_least


class _Best(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    def forward(self, scores: Any) -> Any:
        least = vars(axk2).get("min", min)
        return scores.topk(least(4, scores.shape[-1]), dim=-1).values


@pytest.mark.parametrize(("example", "tokens"), [(6, 3), (3, 6), (6, 9)])
def test_an_index_takes_no_more_than_there_are(tmp_path: Any, example: int, tokens: int) -> None:
    with by_least(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what was traced, and that tracing is the older way
        torch.onnx.export(
            _Best(),
            (torch.randn(2, example),),
            tmp_path / "best.onnx",
            dynamo=False,
            input_names=["scores"],
            dynamic_axes={"scores": {1: "tokens"}},
            opset_version=17,
        )
    scores = torch.randn(2, tokens)
    found = onnxruntime.InferenceSession(tmp_path / "best.onnx").run(None, {"scores": scores.numpy()})[0]
    assert (found == _Best()(scores).numpy()).all()


def test_other_numbers_are_compared_as_ever() -> None:
    with by_least():
        least = vars(axk2)["min"]
        assert (least(3, 2), least([4, 1, 2]), least((), default=7)) == (2, 1, 7)
    assert "min" not in vars(axk2)
