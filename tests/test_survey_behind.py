"""What is read of a class that gives several things: what follows from the most of what it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ipfs_accelerate_generator.survey.behind import read_behind  # noqa: E402
from ipfs_accelerate_generator.survey.running import Feed  # noqa: E402
from ipfs_accelerate_generator.survey.shape import Shape  # noqa: E402
from ipfs_accelerate_generator.survey.subject import Candidate  # noqa: E402

HEARS = ("input_features", "decoder_input_ids")


class Listener(torch.nn.Module):
    """A class that gives what `answer` makes of a sound and of what was written so far."""

    def __init__(self, answer: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.config = transformers.BertConfig(vocab_size=64)
        self.answer = answer

    def forward(self, input_features: Any, decoder_input_ids: Any) -> Any:
        return self.answer(input_features.mean((1, 2))[:, None], decoder_input_ids.float())


def read(answer: Callable[[Any, Any], Any], output: str, table: str = "") -> str:
    model = Listener(answer)
    shape = Shape("feature-extraction", model.config, 12)
    candidate = Candidate("feature-extraction", table, Listener)
    return read_behind(candidate, model, Feed(HEARS, shape, output)).output


@pytest.mark.parametrize("table", ["", "MODEL_MAPPING_NAMES"])
def test_scores_of_what_is_heard_and_written_are_read_before_what_is_heard_alone(table: str) -> None:
    assert read(lambda heard, said: {"hidden": heard, "logits": heard + said}, "hidden", table) == "logits"


def test_what_follows_from_all_is_read_as_it_was() -> None:
    both = lambda heard, said: {"loss": heard, "logits": heard * said, "more": heard + said}  # noqa: E731
    assert read(both, "more") == "more"


def test_where_nothing_says_more_the_field_stays() -> None:
    assert read(lambda heard, said: {"hidden": heard, "other": heard + 1}, "hidden") == "hidden"


def test_a_head_that_is_given_texts_is_read_where_its_task_is() -> None:
    model = Listener(lambda heard, said: {"hidden": heard, "logits": heard + said})
    feed = Feed(("input_ids",), Shape("feature-extraction", model.config, 12), "hidden")
    candidate = Candidate("feature-extraction", "MODEL_MAPPING_NAMES", Listener)
    assert read_behind(candidate, model, feed) is feed
