"""Pictures in a text as a view of the whole and crops of it, beside sounds whose vectors are counted."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ipfs_accelerate_generator.modalities import modalities  # noqa: E402
from ipfs_accelerate_generator.spec import Head  # noqa: E402
from ipfs_accelerate_generator.specfile import read_spec  # noqa: E402
from ipfs_accelerate_generator.survey import inputs, pictured, spoken  # noqa: E402
from ipfs_accelerate_generator.survey.report import LEAST_CONTROL  # noqa: E402
from ipfs_accelerate_generator.survey.rules import crops  # noqa: E402
from ipfs_accelerate_generator.survey.shape import Shape  # noqa: E402
from ipfs_accelerate_generator.survey.subject import Candidate  # noqa: E402
from ipfs_accelerate_generator.survey.surveyor import survey_type  # noqa: E402

SPECS = Path(__file__).parent.parent / "model_specs"
SEEN = (crops.VIEWS, crops.SIZES, crops.SEEN)
HEARD = ("audio_input_features", "audio_embed_sizes", "audio_attention_mask")
NAMES = ("input_ids", "attention_mask", *SEEN, *HEARD)


def _model(side: int = 32) -> Any:
    told = tomllib.loads((SPECS / "surveyed" / "phi4_multimodal.toml").read_text(encoding="utf-8"))["tiny"]
    told["vision_config"] |= {"image_size": side, "crop_size": side}
    torch.manual_seed(0)
    return transformers.Phi4MultimodalModel(transformers.Phi4MultimodalConfig(vocab_size=128, **told)).eval()


def _shape(model: Any, stretch: int) -> Shape:
    return Shape("feature-extraction", model.config, 12, stretch=stretch)


def _run(model: Any, made: Mapping[str, Any]) -> Any:
    with torch.no_grad():
        return model(**made).last_hidden_state


@pytest.mark.parametrize("stretch", [1, 2, 3])
@pytest.mark.parametrize("side", [32, 24])  # of an odd number of patches, one is added
def test_as_many_tokens_stand_for_a_picture_as_the_class_makes_vectors_of_it(side: int, stretch: int) -> None:
    model = _model(side)
    plain = _shape(model, stretch)
    made = inputs.make(NAMES, plain)
    assert made[crops.VIEWS].shape == (2, 1 + stretch, 3, side, side)
    assert made[crops.SIZES].tolist() == [[side, stretch * side]] * 2
    seen, heard = pictured.placeholders(model, made), spoken.placeholders(model, made)
    assert heard == made["audio_embed_sizes"][0] == -(-made["audio_input_features"].shape[1] // 8)
    turned = inputs.make(NAMES[::-1], plain)  # what counts comes after what it counts, wherever it stands
    assert turned["audio_embed_sizes"].tolist() == made["audio_embed_sizes"].tolist()
    found = _run(model, inputs.make(NAMES, replace(plain, pictured=seen, spoken=heard)))
    assert found.shape[1] == 12 + seen + heard
    for more in ({"pictured": seen + 1, "spoken": heard}, {"pictured": seen, "spoken": heard + 1}):
        with pytest.raises(RuntimeError, match="shape mismatch"):
            _run(model, inputs.make(NAMES, replace(plain, **more)))


def test_a_class_that_takes_views_beside_a_text_is_fed_all_that_belongs_to_them_and_its_sounds() -> None:
    fed = inputs.fed(Candidate("any-to-any", "", transformers.Phi4MultimodalForCausalLM), HEARD)
    assert fed == NAMES
    head = Head(task="any-to-any", table="", model="AnyModel", inputs=fed, output="logits")
    assert modalities([head]) == ("text", "image", "audio")


def test_the_mask_of_views_is_about_patches_and_without_views_about_tokens() -> None:
    shape = _shape(_model(), 1)
    assert inputs.make(NAMES, shape)[crops.SEEN].shape == (2, 2, 4, 4)
    assert inputs.make((crops.SEEN,), shape)[crops.SEEN].shape == (2, 12, 2)


def test_the_committed_spec_is_what_the_survey_says() -> None:
    override = tomllib.loads((SPECS / "overrides" / "phi4_multimodal.toml").read_text(encoding="utf-8"))
    surveyed = survey_type("phi4_multimodal", told=override["tiny"])
    assert surveyed.left_out == ()
    assert surveyed.control >= LEAST_CONTROL
    assert surveyed.spec == read_spec(SPECS / "surveyed" / "phi4_multimodal.toml")
    given = {head.task: head for head in surveyed.spec.heads}
    for task in ("feature-extraction", "any-to-any"):
        assert given[task].inputs == NAMES
        assert not any(each.idle for each in given[task].tensors)
    assert given["any-to-any"].keeps
