"""What the survey finds about arrays that lie packed: which they are, how a spec holds them, and how they are run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ipfs_accelerate_generator.survey import packed  # noqa: E402
from ipfs_accelerate_generator.survey.replaced import read_as_tokens  # noqa: E402
from ipfs_accelerate_py.skills.given import Given  # noqa: E402
from ipfs_accelerate_py.skills.packed_arrays import together  # noqa: E402

PATCHES, TOKENS, WIDTH, IMAGE = 4, 6, 3, 9


class Made:
    """A feed: two texts, and the patches of a picture of each behind each other."""

    shape = SimpleNamespace(config=None)

    def made(self, **changes: Any) -> dict[str, Any]:
        tokens = changes.get("tokens", TOKENS)
        return {
            "input_ids": torch.arange(2 * tokens).reshape(2, tokens),
            "pixel_values": torch.arange(2.0 * PATCHES * WIDTH).reshape(2 * PATCHES, WIDTH),
            "image_grid_thw": torch.tensor([[1, 2, 2], [1, 2, 2]]),
        }


def vectors(given: Any) -> Any:
    return given["input_ids"][..., None] + given["pixel_values"].mean()


def test_what_has_no_axis_of_texts_is_packed() -> None:
    assert packed.inputs(vectors, Made()) == ("pixel_values", "image_grid_thw")


def test_a_text_that_cannot_stand_alone_has_nothing_packed() -> None:
    def refusing(given: Any) -> Any:
        if len(given["input_ids"]) == 1:
            raise ValueError("one is too few")
        return vectors(given)

    assert packed.inputs(refusing, Made()) == ()


def test_a_spec_holds_one_text_with_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed.given, "sized", lambda found, remake, config: found)
    found = {each.name: each for each in packed.tensors(Made(), ("pixel_values", "image_grid_thw"))}
    assert (found["input_ids"].shape, found["input_ids"].packed) == ((1, TOKENS), False)
    pixels = found["pixel_values"]
    assert (pixels.shape, pixels.vary, pixels.packed) == ((1, PATCHES, WIDTH), (1,), True)
    assert found["image_grid_thw"].values == [[[1, 2, 2]]]


def test_rows_of_packed_arrays_lie_behind_each_other_again() -> None:
    batch = {"input_ids": torch.ones(2, 5), "pixel_values": torch.arange(24.0).reshape(2, 4, 3)}
    found = together(batch, ("pixel_values",), {"pixel_values": Given("float32", sizes=(4, 3), vary=(0,))})
    assert found["pixel_values"].tolist() == torch.arange(24.0).reshape(8, 3).tolist()
    assert found["input_ids"] is batch["input_ids"]


def test_rows_of_one_strip_lie_side_by_side_again() -> None:
    strip = torch.arange(2.0 * 3 * 4 * 8).reshape(1, 3, 4, 16)
    batch = {"pixel_values": torch.stack(strip.chunk(2, dim=-1))}
    inputs = {"pixel_values": Given("float32", sizes=(1, 3, 4, 8), vary=(3,))}
    assert together(batch, ("pixel_values",), inputs)["pixel_values"].equal(strip)


@pytest.mark.parametrize("shape", [(8, 3), (1, 3, 4, 16)])
def test_shares_that_are_exchanged_twice_are_as_before(shape: tuple[int, ...]) -> None:
    patches = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    once = packed.exchanged(patches, 2)
    assert not once.equal(patches)
    assert packed.exchanged(once, 2).equal(patches)


def test_a_text_has_its_share_of_a_strip() -> None:
    class Strip(Made):
        def made(self, **changes: Any) -> dict[str, Any]:
            strip = torch.arange(2.0 * 3 * 4 * 8).reshape(1, 3, 4, 16)
            return super().made(**changes) | {"pixel_values": strip}

    assert packed.inputs(vectors, Strip()) == ("pixel_values", "image_grid_thw")


class Seeing(torch.nn.Module):
    """A decoder that sums what it reads; `behind` says that pictures come in elsewhere than in place of tokens.

    One that is `placed` weighs what it reads by its place.
    """

    def __init__(self, *, behind: bool, placed: bool = True) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(16, WIDTH)
        self.config = transformers.PretrainedConfig(image_token_id=IMAGE)
        self.behind, self.placed = behind, placed

    def get_input_embeddings(self) -> Any:
        return self.embed

    def get_image_features(self, pixel_values: Any) -> Any:
        return SimpleNamespace(pooler_output=pixel_values.mean((-2, -1)))

    def forward(
        self,
        *,
        input_ids: Any = None,
        pixel_values: Any = None,
        inputs_embeds: Any = None,
        attention_mask: Any = None,
        position_ids: Any = None,
        past_key_values: Any = None,
        use_cache: bool = False,
    ) -> Any:
        read = self.embed(input_ids) if inputs_embeds is None else inputs_embeds
        if pixel_values is not None:
            seen = self.get_image_features(pixel_values).pooler_output
            if self.behind:
                read = read + seen[:, None]
            else:
                read = read.clone()
                read[input_ids == IMAGE] = seen
        if self.placed:
            places = torch.arange(read.shape[1])[None] if position_ids is None else position_ids
            read = read * (1 + places)[..., None]
        return SimpleNamespace(logits=read.cumsum(1))


def texts_with_pictures() -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "input_ids": torch.tensor([[1, IMAGE, 3], [4, IMAGE, 5]]),
        "attention_mask": torch.ones(2, 3, dtype=torch.long),
        "pixel_values": torch.randn(2, WIDTH, 4, 4),
    }


@pytest.mark.parametrize("behind", [False, True])
def test_vectors_of_pictures_stand_for_tokens_where_the_model_says_so(behind: bool) -> None:
    assert read_as_tokens(Seeing(behind=behind).eval(), texts_with_pictures()) is not behind


def test_a_class_that_has_no_use_for_places_is_not_told_them() -> None:
    assert not read_as_tokens(Seeing(behind=False, placed=False).eval(), texts_with_pictures())
