"""What is known of a type without running it: a tokenizer counts where one can be made."""

from __future__ import annotations

import pytest

from ipfs_accelerate_generator.spec import Processors
from ipfs_accelerate_generator.survey import facts
from ipfs_accelerate_generator.survey.pictured import SEGMENTS
from ipfs_accelerate_generator.survey.subject import subject

_SPELLING = "MODEL_FOR_CTC_MAPPING_NAMES"


@pytest.mark.parametrize(
    ("tokenizer", "kept"),
    [
        ("BertTokenizer", True),
        ("CTRLTokenizer", False),  # wants a file of merges
        ("EsmTokenizer", False),  # writes no tokenizer.json
        ("CanineTokenizer", False),  # learns nothing
    ],
)
def test_a_tokenizer_counts_where_one_can_be_made_and_kept(tokenizer: str, *, kept: bool) -> None:
    made = Processors(tokenizer=tokenizer, image_processor="ViTImageProcessorPil")
    found = facts.spelled(made, ["MODEL_FOR_MASKED_LM_MAPPING_NAMES"])
    assert found == Processors(tokenizer=tokenizer if kept else "", image_processor=made.image_processor)


def test_letters_of_a_sound_need_no_such_file() -> None:
    made = Processors(tokenizer="Wav2Vec2CTCTokenizer")
    assert facts.spelled(made, [_SPELLING]) == made
    assert facts.spelled(made, []) == Processors()


@pytest.mark.parametrize(
    ("model_type", "says"), [("paligemma", True), ("gemma3", False), ("llava", False), ("clip", False)]
)
def test_what_a_processor_has_its_tokenizer_say_is_returned(model_type: str, *, says: bool) -> None:
    about = subject(model_type, ())
    made = facts.processors(about)
    assert (SEGMENTS in facts.returned(about, made)) is says
