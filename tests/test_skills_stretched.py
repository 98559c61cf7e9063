"""An export of a head whose samples all have one size is compared with PyTorch at others, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipfs_accelerate_py.errors import BundleError
from ipfs_accelerate_py.skills import Checkpoint, Example, Head, Steps
from ipfs_accelerate_py.skills.given import ArrayInput, Given, ports
from ipfs_accelerate_py.skills.routes import Traced, converted, of_head, write_onnx
from ipfs_accelerate_py.skills.stretched import stretched

INPUTS = {
    "sound": Given("float32", sizes=(8,), vary=(0,)),
    "mask": Given("int64", sizes=(4,), vary=(0,), low=0, high=2),
}
OPEN = ((0, 1), (0, 1))
WAYS: dict[str, Callable[[Traced, Path], Any]] = {
    "onnxruntime": lambda traced, folder: write_onnx(traced, folder / "model.onnx", "torchscript"),
    "openvino": lambda traced, folder: converted(traced, "convert_model"),
}


class Model(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    """A model with a configuration, which here says nothing."""

    config = SimpleNamespace()


def of_arrays(compute: Callable[[Any, Any], Any], folder: Path) -> Traced:
    """Return the graph of a head that is given arrays and computes that."""
    (folder / "config.json").write_text(json.dumps({"model_type": "made_up"}))
    checkpoint = Checkpoint(str(folder))

    def steps(checkpoint: Checkpoint) -> Steps:
        arrays = ArrayInput(checkpoint, INPUTS)
        return Steps(
            lambda items, options: [Example((row,)) for row in arrays.rows(items)],
            lambda example, rows, options: {},
            arrays.sample,
        )

    head = Head(
        model=lambda *given, **settings: Model(),
        graph=lambda model, checkpoint: lambda given: {"found": compute(given["sound"], given["mask"])},
        steps=steps,
        inputs=ports(INPUTS),
        outputs=("found",),
    )
    return of_head(head, Model(), checkpoint)


def frames(sound: Any, mask: Any) -> Any:
    """Two numbers of a sound for each place of its mask, of any length."""
    return sound.reshape(sound.shape[0], -1, 2).sum(-1) * mask


def by_the_example(sound: Any, mask: Any) -> Any:
    """The same for the length that is traced: its number is read in Python, and stands in the graph."""
    length = int(torch.tensor(sound.shape[1] // 2))
    return sound[:, : 2 * length].reshape(sound.shape[0], length, 2).sum(-1) * mask


@pytest.mark.parametrize("backend", WAYS)
def test_a_graph_that_kept_the_only_length_of_its_samples_is_refused(backend: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no way to export agrees with PyTorch"):
        WAYS[backend](of_arrays(by_the_example, tmp_path), tmp_path)


@pytest.mark.parametrize("backend", WAYS)
def test_a_graph_that_takes_any_length_is_kept(backend: str, tmp_path: Path) -> None:
    WAYS[backend](of_arrays(frames, tmp_path), tmp_path)


@given(length=st.integers(1, 5).map(lambda half: 2 * half), share=st.integers(1, 4), rows=st.integers(1, 3))
def test_all_axes_change_alike_longer_and_shorter(length: int, share: int, rows: int) -> None:
    sample = (torch.ones(rows, share * length), torch.ones(rows, length, dtype=torch.int64))
    graph = _Graph(lambda sound, mask: sound.reshape(*mask.shape, share).sum(-1) * mask)
    longer, shorter = stretched(graph, [sample], OPEN)
    assert longer[1].shape[1] > length > shorter[1].shape[1]
    for sound, mask in (longer, shorter):
        assert sound.shape == (rows, share * mask.shape[1])
        assert sound.dtype == torch.float32
        assert mask.dtype == torch.int64


def test_a_size_that_the_model_refuses_is_not_asked_for() -> None:
    sample = (torch.ones(2, 8), torch.ones(2, 4))
    assert not [*stretched(_Graph(lambda sound, mask: sound.reshape(-1, 8)[:, :4] * mask), [sample], OPEN)]


def test_a_size_that_has_no_finite_answer_is_not_asked_for() -> None:
    sample = (torch.ones(2, 8), torch.ones(2, 4))
    graph = _Graph(lambda sound, mask: sound / (sound.shape[1] == 8))
    assert not [*stretched(graph, [sample], OPEN)]


def test_samples_that_differ_in_length_say_enough() -> None:
    samples = [(torch.ones(2, size), torch.ones(2, 4)) for size in (4, 6)]
    assert not [*stretched(_Graph(lambda sound, mask: sound), samples, OPEN)]


class _Graph(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    def __init__(self, compute: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.compute = compute

    def forward(self, sound: Any, mask: Any) -> Any:
        return (self.compute(sound, mask),)
