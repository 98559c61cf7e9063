"""What is known of a type without running it: a tokenizer counts where one can be made."""

from __future__ import annotations

import pytest

from ipfs_accelerate_generator.spec import Processors
from ipfs_accelerate_generator.survey import facts
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


def _returned(model_type: str) -> tuple[str, ...]:
    about = subject(model_type)
    return facts.returned(about, facts.processors(about))


def test_a_processor_says_which_kinds_of_tokens_it_makes_beside_its_parts() -> None:
    assert "token_type_ids" in _returned("paligemma")  # its tokenizer and its image processor know none
    assert "labels" not in _returned("paligemma")  # what it makes to be learned
    assert "token_type_ids" not in _returned("llava")
