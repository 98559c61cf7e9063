"""What the survey finds about arrays by name: rows that stand alone, sizes of a configuration, idle inputs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ipfs_accelerate_generator.given import unmade  # noqa: E402
from ipfs_accelerate_generator.spec import Head, Processors  # noqa: E402
from ipfs_accelerate_generator.survey.given import booked, idle, sized, whole  # noqa: E402
from ipfs_accelerate_generator.tensor import Tensor  # noqa: E402
from ipfs_accelerate_py.evidence.given import grown  # noqa: E402


def made(rows: int = 2) -> dict[str, Any]:
    return {"x": torch.arange(4.0 * rows).reshape(rows, 4), "y": torch.arange(rows)}


def test_rows_that_see_nothing_of_each_other_are_no_whole_call() -> None:
    assert not whole(lambda given: given["x"] * 2, made())


@pytest.mark.parametrize(
    "call",
    [
        lambda given: given["x"] - given["x"].mean(0),  # a row sees the others
        lambda given: given["x"] @ given["x"].T,  # a row has as many numbers as there are rows
        lambda given: given["x"].reshape(-1),  # no output for each row
    ],
)
def test_rows_that_hang_together_are_one_call(call: Any) -> None:
    assert whole(call, made())


def test_inputs_of_different_lengths_are_one_call() -> None:
    assert whole(lambda given: given["x"], {**made(), "grid": torch.ones(3, 3)})


def test_an_input_that_does_nothing_is_idle() -> None:
    others = {"x": made()["x"] + 1, "y": made()["y"] + 1}
    assert idle(lambda given: given["x"], made(), others) == ("y",)


def test_a_mask_that_hides_whole_stretches_is_not_idle() -> None:
    def pooled(given: Any) -> Any:  # a stretch is seen where any place of it is
        return given["x"] + given["mask"].reshape(2, 2, 2).amax(-1).sum()

    inputs = {"x": torch.arange(4.0), "mask": torch.ones(2, 4, dtype=torch.long)}
    assert idle(pooled, inputs, {**inputs, "x": inputs["x"] + 1}) == ()


def test_where_nothing_does_anything_nothing_is_known() -> None:
    others = {"x": made()["x"] + 1, "y": made()["y"] + 1}
    assert idle(lambda given: torch.zeros(2), made(), others) == ()


def test_a_size_is_a_product_of_what_doubles_it() -> None:
    config = transformers.ViTConfig(patch_size=4, hidden_size=6)

    def remake(config: Any) -> dict[str, Any]:
        return {"patches": torch.zeros(2, 5, 3 * config.patch_size**2), "vector": torch.zeros(2, 6)}

    tensors = (
        Tensor(name="patches", dtype="float32", shape=(2, 5, 48), vary=(0, 1)),
        Tensor(name="vector", dtype="float32", shape=(2, 6), vary=(0,)),
    )
    patches, vector = sized(tensors, remake, config)
    assert patches.sizes == ("", "", "3*patch_size=16*patch_size=16")
    assert vector.sizes == ()


def test_the_height_and_the_width_of_a_picture_are_read_each_from_its_place() -> None:
    config = transformers.MgpstrConfig(image_size=[8, 24])

    def remake(config: Any) -> dict[str, Any]:
        return {"pixel_values": torch.zeros(2, 3, *config.image_size)}

    (pixels,) = sized((Tensor(name="pixel_values", dtype="float32", shape=(2, 3, 8, 24)),), remake, config)
    assert pixels.sizes == ("", "", "image_size.0=32", "image_size.1=128")


def test_a_part_that_a_default_configuration_lacks_has_the_numbers_of_its_class() -> None:
    config = transformers.Gemma4Config(vision_config=transformers.Gemma4VisionConfig(patch_size=4))

    def remake(config: Any) -> dict[str, Any]:
        return {"patches": torch.zeros(2, 3 * config.vision_config.patch_size**2)}

    (patches,) = sized((Tensor(name="patches", dtype="float32", shape=(2, 48)),), remake, config)
    assert patches.sizes == ("", "3*vision_config.patch_size=16*vision_config.patch_size=16")


def test_a_picture_that_no_number_decides_is_as_large_as_its_processor_makes_it() -> None:
    tensors = tuple(
        Tensor(name=name, dtype="float32", shape=shape, vary=vary)
        for name, shape, vary in (
            ("pixel_values", (2, 3, 64, 96), (0,)),
            ("pixel_values_videos", (2, 4, 3, 64, 96), (0, 3, 4)),
            ("hidden_states", (2, 3, 64, 96), (0,)),
        )
    )
    made = {each.name: torch.zeros(each.shape) for each in tensors}
    alone, free, states = sized(tensors, lambda _: made, transformers.ViTConfig())
    assert alone.sizes == ("", "", "image_processor.size.height=64", "image_processor.size.width=96")
    assert free.sizes == states.sizes == ()


def test_a_mask_with_a_place_for_each_patch_is_of_any_size_and_what_it_is_about_is_not() -> None:
    config = transformers.ViTConfig(image_size=32, patch_size=8)

    def remake(config: Any) -> dict[str, Any]:
        count = config.image_size // config.patch_size
        return {name: torch.zeros(2, count, count) for name in ("pixel_mask", "patches")}

    tensors = tuple(
        Tensor(name=name, dtype="int64", shape=(2, 4, 4), vary=(0,), low=1, high=2)
        for name in ("pixel_mask", "patches")
    )
    mask, patches = sized(tensors, remake, config)
    assert mask.vary == (0, 1, 2)
    assert patches.vary == (0,)
    assert mask.sizes == patches.sizes == ()


HEAD = Head(
    task="image-classification", table="", model="AnyModel", inputs=("pixel_values",), output="logits"
)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ViTImageProcessorPil", ""),
        ("ImageGPTImageProcessorPil", "what ImageGPTImageProcessorPil makes of a picture is not proved here"),
        ("", "no processor of a picture is proved here"),
    ],
)
def test_a_picture_is_given_as_an_array_where_its_processor_is_not_proved(name: str, reason: str) -> None:
    spec: Any = SimpleNamespace(processors=Processors(image_processor=name), heads=(HEAD,))
    assert unmade(spec, HEAD).endswith(reason)
    assert bool(unmade(spec, HEAD)) == bool(reason)


@pytest.mark.parametrize(
    ("output", "method", "is_given"),
    [("last_hidden_state", "", False), ("feature_maps_0", "", True), ("last_hidden_state", "encode", True)],
)
def test_what_no_template_makes_an_answer_of_is_given_arrays(
    output: str, method: str, is_given: bool
) -> None:
    head = Head(
        task="image-feature-extraction",
        table="",
        model="SomeBackbone",
        inputs=("pixel_values",),
        output=output,
        method=method,
    )
    spec: Any = SimpleNamespace(processors=Processors(image_processor="ViTImageProcessorPil"), heads=(head,))
    assert bool(unmade(spec, head)) is is_given


def test_one_more_of_an_axis_is_another_size_even_of_none() -> None:
    assert grown(np.zeros((3, 0), dtype=np.float32), 1).shape == (3, 1)


def test_books_of_codes_that_training_fills_hold_numbers_and_nothing_else_is_changed() -> None:
    model = torch.nn.BatchNorm1d(3)
    model.register_buffer("book", torch.zeros(4, 3))
    model.register_buffer("scratch", torch.zeros(4, 3), persistent=False)
    before = {name: each.clone() for name, each in model.state_dict().items() if name != "book"}
    filled = booked(model)
    assert filled.book.any()
    assert not filled.scratch.any()
    assert all(torch.equal(filled.state_dict()[name], each) for name, each in before.items())
