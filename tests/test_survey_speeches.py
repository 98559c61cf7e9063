"""Classes that have no forward are run as they are used, and a plan says how they are asked."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ipfs_accelerate_generator.given import SPEAKING, by_name, why
from ipfs_accelerate_generator.spec import GENERATE, Head, ModelSpec
from ipfs_accelerate_generator.speech import PlannedSpeech
from ipfs_accelerate_generator.survey import conversations, speeches
from ipfs_accelerate_generator.survey.speeches import Speech, tied
from ipfs_accelerate_generator.survey.subject import (
    Candidate,
    SurveyError,
    candidates,
    generates_alone,
    subject,
)
from ipfs_accelerate_generator.tensor import Tensor

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ipfs_accelerate_py.evidence.speeches import speaking  # noqa: E402
from ipfs_accelerate_py.skills.speeches import VOICES  # noqa: E402

IDS = Tensor(name="input_ids", dtype="int64", shape=(1, 2), vary=(1,), values=[[1, 2]], other_values=[[3, 4]])
PIXELS = Tensor(name="pixel_values", dtype="float32", shape=(2, 2), vary=(0,), other_shape=(4, 2))
SOUND = Tensor(name="input_features", dtype="float32", shape=(1, 2), vary=(0,), other_shape=(2, 2))
HEAD = Head(
    task="any-to-any",
    table="",
    model="Made",
    inputs=("input_ids", "pixel_values"),
    output="waveform",
    method=GENERATE,
    tensors=(IDS, PIXELS),
    whole=True,
    generation={
        "thinker_max_new_tokens": 5,
        "talker_max_new_tokens": 8,
        "do_sample": False,
        "speaker": "Ada",
    },
)


@pytest.mark.parametrize(
    ("model_type", "tasks"),
    [
        ("bark", ["text-to-audio"]),
        ("qwen2_5_omni", ["any-to-any", "text-to-audio"]),
        ("qwen3_omni_moe", ["any-to-any", "text-to-audio"]),
    ],
)
def test_what_only_generates_is_asked_to_and_gives_no_vectors(model_type: str, tasks: list[str]) -> None:
    found = candidates(subject(model_type))
    assert sorted(each.task for each in found) == tasks
    assert {each.method for each in found} == {GENERATE}


def test_a_class_with_a_forward_or_a_way_to_encode_is_not_asked_to_generate() -> None:
    assert generates_alone(transformers.BarkModel)
    assert not generates_alone(transformers.BertModel)
    assert not generates_alone(transformers.MusicgenForConditionalGeneration)


def test_parts_call_by_one_name_what_is_one_token() -> None:
    told = {
        "thinker_config": {"image_token_id": 4, "width": 8},
        "talker_config": {"image_token_id": 9, "codec_token_id": 7, "width": 2},
        "user_token_id": 3,
    }
    assert tied(told) == {
        "thinker_config": {"image_token_id": 4, "width": 8},
        "talker_config": {"image_token_id": 4, "codec_token_id": 7, "width": 2},
        "user_token_id": 3,
    }


def test_what_is_heard_in_place_of_what_is_seen_stands_beside_the_second_text() -> None:
    seen = Speech(("input_ids", "pixel_values"), "waveform", control=0.5, tensors=(IDS, PIXELS))
    other = replace(IDS, shape=(1, 3), values=[[5, 6, 7]], other_shape=(1, 6), other_values=[[5, 6, 7] * 2])
    heard = Speech(("input_ids", "input_features"), "waveform", control=0.25, tensors=(other, SOUND))
    found = speeches._joined(seen, heard)
    assert found.inputs == ("input_ids", "pixel_values", "input_features")
    ids, pixels, sound = found.tensors
    assert (ids.values, ids.other_shape, ids.other_values) == ([[1, 2]], (1, 3), [[5, 6, 7]])
    assert (pixels.other_shape, pixels.apart) == ((), False)
    assert (sound.other_shape, sound.apart) == ((), True)
    assert found.control == 0.25
    assert PlannedSpeech(replace(HEAD, inputs=found.inputs, tensors=found.tensors)).apart == (
        "input_features",
    )


def test_a_first_part_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Made(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dreamer = torch.nn.Linear(1, 1)

        def generate(self) -> None:
            raise AssertionError("nobody knows how to ask")

    monkeypatch.setattr(speeches, "built", lambda *_: Made())
    with pytest.raises(SurveyError, match="nobody knows"):
        speeches.prove(Candidate("text-to-audio", "", Made, GENERATE), None, {})


class Thinker(torch.nn.Module):
    """A first part that sees, and puts a quarter of the patches of a picture into its text."""

    config = SimpleNamespace(
        image_token_id=4, vision_start_token_id=6, get_text_config=lambda: SimpleNamespace(vocab_size=64)
    )

    def forward(self, input_ids: Any, attention_mask: Any, pixel_values: Any, image_grid_thw: Any) -> None:
        raise AssertionError("it is never run")

    def get_image_features(self, pixel_values: Any) -> Any:
        return SimpleNamespace(pooler_output=torch.zeros(len(pixel_values) // 4, 8))


class Whole(torch.nn.Module):
    """A class that begins with it."""

    def __init__(self, **roles: int) -> None:
        super().__init__()
        self.thinker = Thinker()
        self.config = SimpleNamespace(**roles)
        self.generation_config = SimpleNamespace()


def test_a_text_has_a_token_for_each_vector_of_a_picture() -> None:
    model = Whole()
    one, two = (conversations.made(model, conversations.SEEN, size=size) for size in (1, 2))
    assert list(one) == ["input_ids", "attention_mask", "pixel_values", "image_grid_thw"]
    ids = one["input_ids"][0].tolist()
    assert ids[:7] == [6, *[4] * 6]
    assert ids.count(4) * 4 == len(one["pixel_values"]) == int(one["image_grid_thw"].prod())
    assert two["input_ids"][0].tolist().count(4) == 12
    assert list(conversations.made(model, ())) == ["input_ids", "attention_mask"]


def test_a_user_speaks_before_an_assistant_where_there_are_such() -> None:
    model = Whole(im_start_token_id=3, user_token_id=9, assistant_token_id=10)
    ids = conversations.made(model, ())["input_ids"][0].tolist()
    assert ids[:2] == [3, 9]
    assert ids[-3:-1] == [3, 10]


def test_a_limit_is_the_checkpoint_s_own_and_what_draws_is_told_so() -> None:
    plan = PlannedSpeech(HEAD)
    assert plan.options == {
        "thinker_max_new_tokens": None,
        "talker_max_new_tokens": None,
        "do_sample": False,
        "speaker": "Ada",
    }
    assert plan.drawing == {**HEAD.generation, "do_sample": True}
    assert plan.longer == {"talker_max_new_tokens": 16}
    assert plan.outputs == ("tokens", "waveform")
    assert PlannedSpeech(replace(HEAD, task="text-to-audio")).outputs == ("waveform",)


def test_what_only_generates_has_a_template_of_its_own_and_says_what_is_not_proved() -> None:
    spec = ModelSpec(
        model_type="made",
        title="Made",
        family="multimodal",
        subfamily="text-image-to-text",
        config="MadeConfig",
        module="transformers",
        modalities=("text", "image"),
        heads=(HEAD,),
    )
    assert by_name(spec) == {"any-to-any": f"tasks/{SPEAKING}"}
    assert "no processor of a text is proved here; Made has no forward" in why(spec, HEAD)


def test_a_small_model_has_what_its_checkpoints_have_beside_their_weights(tmp_path: Path) -> None:
    class BarkModel(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("book", torch.zeros(2, 3))
            self.register_buffer("filled", torch.ones(2, 3))

    BarkModel.__module__ = transformers.BarkModel.__module__
    model = speaking(BarkModel(), {"semantic_max_new_tokens": 6, "do_sample": False})
    assert model.book.all()
    assert (model.filled == 1).all()
    known = model.generation_config
    assert (known.semantic_max_new_tokens, known.semantic_config["max_input_semantic_length"]) == (6, 256)
    assert "model_type" not in vars(known)

    class Voices(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.speaker_map: dict[str, Any] = {}
            self.config = SimpleNamespace(
                talker_config=SimpleNamespace(tts_text_start_token_id=7),
                token2wav_config=SimpleNamespace(dit_config=SimpleNamespace(enc_emb_dim=3, mel_dim=2)),
            )

        def save_pretrained(self, folder: Path) -> None:
            (folder / "weights").touch()

    Voices.__module__ = "made.modeling_made"
    speaking(Voices(), {"speaker": "Ada"}).save_pretrained(tmp_path)
    assert (tmp_path / "weights").is_file()
    voice = torch.load(tmp_path / VOICES, weights_only=True)["Ada"]
    assert (voice["bos_token"], voice["cond"].shape, voice["ref_mel"].shape[-1]) == (7, (1, 3), 2)


def test_the_voice_that_speaks_is_the_usual_one_of_the_class() -> None:
    found = {each.task: each for each in candidates(subject("qwen3_omni_moe"))}
    assert speeches._voice(found["any-to-any"]) == {"speaker": "Ethan"}
    assert "speaker" in inspect.signature(found["any-to-any"].call).parameters
    [bark] = candidates(subject("bark"))
    assert speeches._voice(bark) == {}
