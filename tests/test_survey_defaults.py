"""A type whose class refuses its default configuration, too, is no fault of small numbers: the reason says so."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn
from transformers import PreTrainedConfig

from ipfs_accelerate_generator.survey.defaults import refusal
from ipfs_accelerate_generator.survey.subject import Candidate, Subject, SurveyError
from ipfs_accelerate_generator.survey.surveyor import survey_type


class Config(PreTrainedConfig):  # type: ignore[misc]  # its types are not read
    model_type = "stub"
    gates: int = 7
    hidden_size: int = 16


class Refuses(nn.Module):  # type: ignore[misc]  # its types are not read
    config_class = Config

    def __init__(self, config: Any) -> None:
        super().__init__()
        if config.gates != 0:
            raise ValueError(f"gates must be 0, got {config.gates}")
        raise ValueError("no width will do")


class Takes(Refuses):
    def __init__(self, config: Any) -> None:
        nn.Module.__init__(self)
        self.layer = nn.Linear(config.hidden_size, 10**6)  # of any size: it takes no memory


class Lacks(Refuses):
    def __init__(self, config: Any) -> None:
        nn.Module.__init__(self)
        raise ImportError("Lacks requires the nothing library but it was not found.")


def said(*models: Any) -> str:
    about = Subject("stub", Config, ())
    return refusal(about, tuple(Candidate("feature-extraction", "", model) for model in models))


def test_what_a_message_asks_for_is_done_before_a_class_is_said_to_refuse() -> None:
    assert said(Refuses) == (
        "Refuses refuses the default configuration of its own type, too: ValueError: no width will do"
    )


@pytest.mark.parametrize("models", [(Takes,), (Refuses, Takes), (Lacks,)])
def test_a_class_that_can_be_made_or_lacks_a_library_is_not_said_to_refuse(models: tuple[Any, ...]) -> None:
    assert said(*models) == ""


def test_the_reason_that_no_head_could_be_run_begins_with_it() -> None:
    with pytest.raises(
        SurveyError, match=r"gemma4_assistant: Gemma4AssistantForCausalLM refuses the default"
    ):
        survey_type("gemma4_assistant")
