"""Inputs at another size: a longer sound where it is taken, and numbers that go with that size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ipfs_accelerate_generator.survey.described import described  # noqa: E402
from ipfs_accelerate_generator.survey.resized import resized  # noqa: E402
from ipfs_accelerate_generator.survey.running import settled  # noqa: E402
from ipfs_accelerate_generator.survey.subject import Candidate  # noqa: E402
from ipfs_accelerate_generator.tensor import Tensor  # noqa: E402
from ipfs_accelerate_generator.values import SpecError  # noqa: E402
from ipfs_accelerate_py.skills.checkpoint import Checkpoint  # noqa: E402
from ipfs_accelerate_py.skills.given import ArrayInput, Given  # noqa: E402

IDS = {"input_ids"}
SHORT = torch.tensor([[1, 9], [9, 2]])
LONG = torch.tensor([[1, 9, 9, 3], [9, 2, 9, 4]])


class Stub(torch.nn.Module):  # type: ignore[misc]  # its types are not read
    def __init__(self, does: Callable[..., Any]) -> None:
        super().__init__()
        self.config = transformers.PreTrainedConfig()
        self.does = does

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.does(*inputs, **named)


def longer(does: Callable[..., Any], *names: str) -> tuple[dict[str, Any], Any]:
    head = Candidate("feature-extraction", "", type("Class", (), {"forward": staticmethod(does)}))
    feed = settled(head, Stub(does), names)
    return feed.made(), resized(head, Stub(does), feed)


def test_a_sound_of_any_length_is_made_twice_as_long() -> None:
    def hears(input_values: torch.Tensor) -> torch.Tensor:
        return input_values.unfold(-1, 100, 100).mean(-1)

    usual, other = longer(hears, "input_values")
    assert other["input_values"].shape[-1] == 2 * usual["input_values"].shape[-1]


def test_a_sound_of_the_one_length_that_is_taken_stays_as_it_is() -> None:
    def hears(input_values: torch.Tensor) -> torch.Tensor:
        return input_values.reshape(len(input_values), 80, 100).mean(-1)

    usual, other = longer(hears, "input_values")
    assert other["input_values"].shape == usual["input_values"].shape


def test_a_longer_sound_of_which_no_number_comes_is_not_taken() -> None:
    def hears(input_values: torch.Tensor) -> torch.Tensor:
        return input_values.mean(-1) / (0.0 if input_values.shape[-1] > 8000 else 1.0)

    usual, other = longer(hears, "input_values")
    assert other["input_values"].shape == usual["input_values"].shape


def test_a_picture_of_any_size_is_larger_where_the_configuration_names_none() -> None:
    def sees(pixel_values: torch.Tensor) -> torch.Tensor:
        return pixel_values.mean((-1, -2))

    usual, other = longer(sees, "pixel_values")
    assert other["pixel_values"].shape[2:] == tuple(2 * size for size in usual["pixel_values"].shape[2:])


def test_a_picture_of_the_one_size_that_is_taken_stays_as_it_is() -> None:
    def sees(pixel_values: torch.Tensor) -> torch.Tensor:
        return pixel_values.reshape(len(pixel_values), 3 * 64 * 64).mean(-1, keepdim=True)

    usual, other = longer(sees, "pixel_values")
    assert other["pixel_values"].shape == usual["pixel_values"].shape


@pytest.mark.parametrize(("free", "rows"), [(True, 8), (False, 4)])
def test_a_text_beside_rows_of_patches_gets_more_of_them(rows: int, *, free: bool) -> None:
    count = 4 * 6

    class Sees(Stub):
        def get_image_features(self, pixel_values: torch.Tensor) -> Any:
            if pixel_values.dim() != 3 or (pixel_values.shape[1] != count and not free):
                raise ValueError("no rows of patches, or another number of them")
            return SimpleNamespace(pooler_output=pixel_values.reshape(-1, 4, pixel_values.shape[-1]).mean(1))

    def reads(
        input_ids: torch.Tensor, pixel_values: torch.Tensor, spatial_shapes: torch.Tensor
    ) -> torch.Tensor:
        model = Sees(reads)
        model.config.image_token_id = 3
        seen = model.get_image_features(pixel_values).pooler_output
        if (input_ids == 3).sum() != len(seen):
            raise ValueError("tokens and vectors of pictures do not match")
        return input_ids[..., None] + seen.mean() + spatial_shapes.sum()

    model = Sees(reads)
    model.config.image_token_id = 3
    kind = type("Class", (), {"forward": staticmethod(reads), "get_image_features": Sees.get_image_features})
    head = Candidate("feature-extraction", "", kind)
    feed = settled(head, model, ("input_ids", "pixel_values", "spatial_shapes"))
    other = resized(head, model, feed)
    assert feed.shape.pictured == count // 4
    assert other is not None
    assert tuple(other["spatial_shapes"][0]) == (rows, 6)


def test_an_input_of_which_no_other_size_is_taken_has_none() -> None:
    def hears(input_values: torch.Tensor) -> torch.Tensor:
        if input_values[0, 0] == first:
            return input_values.mean(-1)
        raise ValueError("another")

    first = longer(lambda input_values: input_values.mean(-1), "input_values")[0]["input_values"][0, 0]
    head = Candidate("feature-extraction", "", type("Class", (), {"forward": staticmethod(hears)}))
    feed = settled(head, Stub(hears), ("input_values",))
    assert resized(head, Stub(lambda input_values: hears(input_values * 2)), feed) is None


def test_numbers_that_go_with_a_size_are_told_for_both_sizes() -> None:
    made = {"input_ids": SHORT, "states": torch.zeros(2, 2, 3)}
    other = {"input_ids": LONG, "states": torch.zeros(2, 4, 3)}
    ids, states = described(made, other, None, literal=IDS)
    assert (ids.vary, ids.values, ids.other_shape) == ((1,), SHORT.tolist(), (2, 4))
    assert ids.other_values == LONG.tolist()
    assert (states.vary, states.other_shape, states.other_values) == ((1,), (2, 4, 3), [])


def test_inputs_that_nothing_ties_need_no_second_size() -> None:
    found = described({"states": torch.zeros(2, 2, 3)}, {"states": torch.zeros(2, 4, 3)}, None, literal=IDS)
    assert [(each.vary, each.other_shape) for each in found] == [((1,), ())]


def test_other_numbers_of_the_same_sizes_are_no_second_size() -> None:
    found = described({"input_ids": SHORT}, {"input_ids": SHORT + 1}, None, literal=IDS, texts=True)
    assert [(each.vary, each.other_values) for each in found] == [((), [])]


@pytest.mark.parametrize(
    ("more", "fact"),
    [
        ({"other_shape": (3, 5)}, r"other_shape is \[3, 5\]"),  # the first axis does not vary
        ({"other_shape": (2, 5, 1)}, r"other_shape is \[2, 5, 1\]"),
        ({"other_shape": (2, 3), "other_values": [[1, 2], [3, 4]]}, "other_values are not"),
        ({"values": [], "other_values": [[1, 2], [3, 4]], "high": 9}, "give values"),
    ],
)
def test_a_second_size_that_is_none_is_refused(more: dict[str, Any], fact: str) -> None:
    told: dict[str, Any] = {"shape": (2, 2), "vary": (1,), "values": SHORT.tolist(), **more}
    with pytest.raises(SpecError, match=fact):
        Tensor(name="input_ids", dtype="int64", **told)


@pytest.fixture
def arrays(tmp_path: Path) -> ArrayInput:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "made_up", "hidden_size": 3}))
    inputs = {
        "input_ids": Given(
            "int64", sizes=(2,), vary=(0,), other_sizes=(4,), values=SHORT.tolist(), others=LONG.tolist()
        ),
        "states": Given("float32", sizes=(2, "hidden_size=8"), vary=(0,), other_sizes=(4, "hidden_size=8")),
        "speaker": Given("float32", sizes=(5,)),
    }
    return ArrayInput(Checkpoint(str(tmp_path)), inputs)


def test_both_samples_are_taken_and_have_their_own_numbers(arrays: ArrayInput) -> None:
    for sample, ids, length in ((arrays.sample, SHORT, 2), (arrays.other, LONG, 4)):
        assert len(arrays.rows(sample)) == 2
        for row, want in zip(sample, ids, strict=True):
            np.testing.assert_array_equal(row["input_ids"], want)
            assert (row["states"].shape, row["speaker"].shape) == ((length, 3), (5,))


def test_inputs_without_a_second_size_have_no_second_sample(arrays: ArrayInput, tmp_path: Path) -> None:
    free = ArrayInput(Checkpoint(str(tmp_path)), {"states": Given("float32", sizes=(2, 3), vary=(0,))})
    assert free.other == ()
