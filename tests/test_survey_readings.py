"""What the survey reads of an output, and when no template reads and feeds a class so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ipfs_accelerate_generator.survey.company import spoilt  # noqa: E402
from ipfs_accelerate_generator.survey.proof import _masked, _unread  # noqa: E402
from ipfs_accelerate_generator.survey.readings import drawn, misread, with_noise  # noqa: E402
from ipfs_accelerate_generator.survey.running import Feed, settled  # noqa: E402
from ipfs_accelerate_generator.survey.shape import Shape  # noqa: E402
from ipfs_accelerate_generator.survey.subject import Candidate  # noqa: E402

WIDTH = 4
TEXT = ("input_ids", "attention_mask")


class Reader(torch.nn.Module):
    """A class that gives for texts what `answer` makes of one vector for each token."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        super().__init__()
        self.config = transformers.BertConfig(vocab_size=64)
        self.answer = answer

    def forward(self, input_ids: Any, attention_mask: Any = None) -> Any:
        return self.answer(input_ids[..., None].float().repeat(1, 1, WIDTH))


def text(model: Any, output: str, names: tuple[str, ...] = TEXT) -> tuple[Candidate, Any, Feed]:
    shape = Shape("feature-extraction", model.config, 12)
    return Candidate("feature-extraction", "", type(model)), model, Feed(names, shape, output)


def test_a_vector_for_each_token_is_read() -> None:
    assert not misread(*text(Reader(lambda each: {"last_hidden_state": each}), "last_hidden_state"))
    assert not misread(*text(Reader(lambda each: {"pooler_output": each[:, 0]}), "pooler_output"))


@pytest.mark.parametrize("output", ["logits", "item_0"])
def test_what_is_no_vector_of_a_text_is_not(output: str) -> None:
    assert misread(*text(Reader(lambda each: {output: each}), output))


def test_a_vector_more_than_the_mask_has_places_is_not() -> None:
    model = Reader(lambda each: {"last_hidden_state": torch.cat([each, each[:, :1]], dim=1)})
    assert misread(*text(model, "last_hidden_state"))


class Boxed(Reader):
    """A class that also takes the boxes of words, and may want them."""

    def __init__(self, *, wants: bool) -> None:
        super().__init__(lambda each: {"last_hidden_state": each})
        self.wants = wants

    def forward(self, input_ids: Any, bbox: Any = None, attention_mask: Any = None) -> Any:
        if self.wants and bbox is None:
            raise ValueError("You have to specify bbox")
        return super().forward(input_ids, attention_mask)


@pytest.mark.parametrize("wants", [False, True])
def test_boxes_of_words_are_made_by_no_tokenizer(wants: bool) -> None:
    about = text(Boxed(wants=wants), "last_hidden_state", ("input_ids", "bbox", "attention_mask"))
    assert misread(*about) is wants


class Seer(torch.nn.Module):
    """A class that learned where to begin, and hides patches by noise, its own where it is given none."""

    config = transformers.ViTConfig(image_size=32, patch_size=8)

    def __init__(self, *, hides: bool = True) -> None:
        super().__init__()
        self.hides = hides

    def forward(self, pixel_values: Any, noise: Any = None) -> Any:
        found = pixel_values.flatten(1)[:, :16]
        if self.hides:
            found = found * ((torch.rand_like(found) if noise is None else noise) > 0.5)
        return {"begin": torch.ones(2, 3), "last_hidden_state": found[:, None]}


def seer(model: Any) -> tuple[Candidate, Any]:
    return Candidate("image-feature-extraction", "", type(model)), model


def test_an_output_that_no_input_moves_is_not_what_is_read() -> None:
    feed = settled(*seer(Seer(hides=False)), ("pixel_values",))
    assert feed.output == "last_hidden_state"
    assert misread(*seer(Seer(hides=False)), feed)  # a pipeline would read the first


def test_a_class_that_draws_noise_of_its_own_is_given_some() -> None:
    feed = settled(*seer(Seer()), ("pixel_values",))
    assert with_noise(*seer(Seer()), feed).names == ("pixel_values", "noise")


def test_noise_that_changes_nothing_is_left_to_the_class() -> None:
    feed = settled(*seer(Seer(hides=False)), ("pixel_values",))
    assert with_noise(*seer(Seer(hides=False)), feed) is feed


class Returner(Seer):
    """A class that gives back what it was given before what it made of it."""

    def forward(self, pixel_values: Any) -> Any:
        return {"last_hidden_state": pixel_values, "quantized": pixel_values.flatten(1).cumsum(1)}


class Pointer(Seer):
    """A class that gives the points at which it begins to look before what it saw."""

    def forward(self, pixel_values: Any) -> Any:
        found = pixel_values.flatten(1)[:, :16]
        return {"init_reference_points": found.sigmoid(), "last_hidden_state": found[:, None]}


def test_what_was_given_is_not_what_is_read_since_everything_agrees_with_it() -> None:
    assert settled(*seer(Returner()), ("pixel_values",)).output == "quantized"


def test_points_to_begin_with_are_no_features() -> None:
    assert settled(*seer(Pointer()), ("pixel_values",)).output == "last_hidden_state"


class Shuffler(Seer):
    """A class that gives the vectors of patches in an order that it draws."""

    def forward(self, pixel_values: Any) -> Any:
        found = pixel_values.flatten(1)[:, :16]
        return {"last_hidden_state": found[:, torch.randperm(16), None], "pooler_output": found.cumsum(1)}


def test_vectors_in_an_order_that_is_drawn_are_not_what_is_read() -> None:
    assert settled(*seer(Shuffler()), ("pixel_values",)).output == "pooler_output"


def test_an_order_that_is_drawn_is_seen_in_what_comes_of_it() -> None:
    def shuffled(each: Any) -> Any:
        return {"last_hidden_state": each[:, torch.randperm(each.shape[1])]}

    assert drawn(*text(Reader(shuffled), "last_hidden_state"))
    assert not drawn(*text(Reader(lambda each: {"last_hidden_state": each}), "last_hidden_state"))


class Mixer(Reader):
    """A class that makes of each token what all of its text have in common, and takes a mask that it may not read."""

    def __init__(self, *, masks: bool) -> None:
        super().__init__(lambda each: {"last_hidden_state": each - each.mean(dim=-2, keepdim=True)})
        self.masks = masks

    def forward(self, input_ids: Any, attention_mask: Any = None) -> Any:
        return super().forward(input_ids * attention_mask if self.masks else input_ids)


@pytest.mark.parametrize("masks", [True, False])
def test_a_mask_that_no_text_of_the_class_is_read_with_is_not_made(masks: bool) -> None:
    about = text(Mixer(masks=masks), "last_hidden_state")
    assert _masked(about[2])
    assert ("attention_mask" in _unread(*about)) is not masks


class Chooser(Reader):
    """A class that compares the first token of each choice with all of its text."""

    def forward(self, input_ids: Any, attention_mask: Any = None) -> Any:
        return {"logits": input_ids[..., 0] - input_ids.float().mean(dim=-1)}


def test_choices_that_are_filled_up_are_looked_at_as_texts_are() -> None:
    candidate, model, feed = text(Chooser(lambda each: each), "logits", ("input_ids",))
    choosing = replace(feed, shape=replace(feed.shape, task="multiple-choice"))
    assert spoilt(replace(candidate, task="multiple-choice"), model, choosing)


class Beginner(Reader):
    """A class that refines ids, and draws some where it is given none."""

    def forward(self, input_ids: Any, attention_mask: Any = None, decoder_input_ids: Any = None) -> Any:
        ids = torch.randint(0, 60, (2, 5)) if decoder_input_ids is None else decoder_input_ids
        return {"last_hidden_state": super().forward(ids)["last_hidden_state"] + input_ids[:, :1, None]}


def test_a_class_that_draws_what_it_begins_with_is_given_that_and_no_text_alone() -> None:
    candidate, model, feed = text(Beginner(lambda each: {"last_hidden_state": each}), "last_hidden_state")
    given = with_noise(candidate, model, feed)
    assert given.names == (*TEXT, "decoder_input_ids")
    assert not drawn(candidate, model, given)
    assert misread(candidate, model, given)
