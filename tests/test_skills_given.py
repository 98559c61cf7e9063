"""Inputs that are given as arrays by name: what is taken, what is refused, and what an export is traced with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills import Checkpoint, Head
from ipfs_accelerate_py.skills.calls import one_by_one
from ipfs_accelerate_py.skills.given import ArrayInput, Given, ports

INPUTS = {
    "states": Given("float32", sizes=(4, "2*hidden_size=8"), vary=(0,)),
    "steps": Given("int64", sizes=(4,), vary=(0,), low=3, high=9),
    "seen": Given("bool", sizes=(4,), vary=(0,), low=0, high=2),
}


@pytest.fixture
def arrays(tmp_path: Path) -> ArrayInput:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "made_up", "hidden_size": 3}))
    return ArrayInput(Checkpoint(str(tmp_path)), INPUTS)


def test_a_size_is_read_from_the_checkpoint_and_has_a_usual_value(arrays: ArrayInput, tmp_path: Path) -> None:
    assert arrays.sizes["states"] == (4, 6)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "made_up"}))
    assert ArrayInput(Checkpoint(str(tmp_path)), INPUTS).sizes["states"] == (4, 16)


@pytest.mark.parametrize(
    ("said", "size"),
    [([48, 320], 320), (96, 96), ([48], 16), (None, 16), ("wide", 16)],
    ids=["a pair", "one for all", "too short", "nothing", "no number"],
)
def test_a_size_may_stand_in_a_list(said: Any, size: int, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "made_up", "vision": {"sides": said}}))
    given = {"seen": Given("float32", sizes=("vision.sides.1=16",))}
    assert ArrayInput(Checkpoint(str(tmp_path)), given).sizes["seen"] == (size,)


@pytest.mark.parametrize(
    ("file", "written"),
    [
        ("preprocessor_config.json", {"size": {"height": 768}}),
        ("processor_config.json", {"image_processor": {"size": {"height": 768}}}),
    ],
)
def test_the_size_of_a_picture_may_be_the_one_that_the_image_processor_makes(
    file: str, written: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "made_up", "size": {"height": 3}}))
    given = {"seen": Given("float32", sizes=("image_processor.size.height=64",))}
    assert ArrayInput(Checkpoint(str(tmp_path)), given).sizes["seen"] == (64,)
    (tmp_path / file).write_text(json.dumps(written))
    assert ArrayInput(Checkpoint(str(tmp_path)), given).sizes["seen"] == (768,)


def test_a_sample_is_taken_as_it_is_and_is_the_same_each_time(arrays: ArrayInput) -> None:
    first, again = arrays.sample, arrays.sample
    assert len(arrays.rows(first)) == 2
    for one, other in zip(first, again, strict=True):
        for name in INPUTS:
            np.testing.assert_array_equal(one[name], other[name])
    assert min(item["steps"].min() for item in first) >= 3
    assert max(item["steps"].max() for item in first) < 9


def test_another_length_of_an_axis_that_varies_is_taken(arrays: ArrayInput) -> None:
    item = {"states": np.zeros((7, 6)), "steps": [1] * 7, "seen": [True] * 7}
    row = arrays.rows([item])[0]
    assert [row[name].dtype for name in row] == [np.float32, np.int64, np.int64]
    assert row["states"].shape == (7, 6)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"states": np.zeros((4, 5))}, r"'states' has the sizes \[4, 5\]; this checkpoint takes \[any, 6\]"),
        ({"states": np.zeros((1, 4, 6))}, "'states' has 3 axes"),
        ({"states": np.zeros((0, 6))}, "takes"),
        ({"states": np.full((4, 6), np.nan)}, "NaN"),
        ({"states": [[1.0], [1.0, 2.0]]}, "'states' is no array"),
        ({"steps": np.zeros(4)}, "'steps' holds float64; the model takes whole numbers"),
        ({"seen": [0, 1, 2, 1]}, "other numbers than 0 and 1"),
        ({"step": [1]}, "did you mean 'steps'"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_place(
    arrays: ArrayInput, change: dict[str, Any], fact: str
) -> None:
    good = arrays.sample[0]
    with pytest.raises(InputError, match=f"^input 1: .*{fact}"):
        arrays.rows([good, {**good, **change}])


def test_a_missing_array_is_named(arrays: ArrayInput) -> None:
    with pytest.raises(InputError, match="'states' is missing"):
        arrays.rows([{"steps": [1], "seen": [True]}])


def test_values_that_are_said_are_drawn_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "made_up"}))
    given = {"grid": Given("int64", sizes=(2, 3), vary=(0,), values=[[1, 4, 4], [1, 4, 8]])}
    (item,) = ArrayInput(Checkpoint(str(tmp_path)), given, whole=True).sample
    np.testing.assert_array_equal(item["grid"], [[1, 4, 4], [1, 4, 8]])


def test_whole_calls_are_computed_one_after_the_other(arrays: ArrayInput) -> None:
    seen: list[int] = []

    def forward(batch: Any) -> Any:
        seen.append(len(batch["states"]))
        return {"sum": batch["states"].sum(axis=(1, 2))}

    def head(whole: bool) -> Head:
        return Head(
            model=lambda *_: None,
            graph=lambda *_: lambda _: {},
            steps=lambda _: None,  # type: ignore[arg-type, return-value]
            inputs=ports(INPUTS, whole=whole),
            outputs=("sum",),
        )

    batch = {"states": np.arange(48.0).reshape(2, 4, 6)}
    apart = one_by_one(head(whole=True), forward, batch)
    together = one_by_one(head(whole=False), forward, batch)
    assert seen == [1, 1, 2]
    np.testing.assert_array_equal(apart["sum"], together["sum"])
