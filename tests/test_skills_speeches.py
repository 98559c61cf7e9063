"""What generates and does nothing else is told what a user says, draws from a seed, and is never exported."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.errors import BackendError, CheckpointError, InputError
from ipfs_accelerate_py.evidence.speeches import overheard, without
from ipfs_accelerate_py.skills import Checkpoint
from ipfs_accelerate_py.skills.eager import pretrained
from ipfs_accelerate_py.skills.given import Given
from ipfs_accelerate_py.skills.speeches import (
    VOICES,
    SpeechInput,
    Voiced,
    addressed,
    spoken,
    waveform,
    written,
)

torch = pytest.importorskip("torch")

WORDS = {
    "input_ids": Given(
        "int64", sizes=(1, 4), vary=(1,), values=[[1, 2, 3, 4]], other_sizes=(1, 3), others=[[1, 5, 5]]
    ),
    "attention_mask": Given("int64", sizes=(1, 4), vary=(1,), other_sizes=(1, 3), low=1, high=2),
}
INPUTS = {
    **WORDS,
    "pixel_values": Given("float32", sizes=(6, 2), vary=(0,)),
    "image_grid_thw": Given("int64", sizes=(1, 3), vary=(0,), values=[[1, 2, 3]]),
    "input_features": Given("float32", sizes=(1, 2, 5), vary=(0,)),
    "feature_attention_mask": Given("int64", sizes=(1, 5), vary=(0,), low=1, high=2),
}
OPTIONS = {"room_max_new_tokens": None, "do_sample": False, "temperature": 1.0, "speaker": "Ada"}


class Speaker(torch.nn.Module):
    """Something that says what it was told."""

    device = torch.device("cpu")

    def __init__(self, **known: Any) -> None:
        super().__init__()
        self.generation_config = SimpleNamespace(**known)

    def generate(self, **told: Any) -> Any:
        self.told = told
        return torch.rand(1, 3)


def batch(**more: Any) -> dict[str, Any]:
    arrays = {name: np.ones((1, *each.sizes)) for name, each in WORDS.items()} | more
    return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "made_up"}))
    return Checkpoint(str(tmp_path))


def crossed(checkpoint: Checkpoint, **options: Any) -> dict[str, Any]:
    """Return what a model is told of `options`, all the way from a handler."""
    arrays, model = SpeechInput(checkpoint, WORDS, OPTIONS), Speaker(room_max_new_tokens=9)

    def forward(feed: dict[str, Any]) -> dict[str, Any]:
        found = spoken(model, {name: torch.from_numpy(array) for name, array in feed.items()}, WORDS, OPTIONS)
        return {"waveform": waveform(found).numpy()}

    rows = arrays.rows(arrays.sample)
    [answer] = arrays.run(SimpleNamespace(forward=forward), rows, {**arrays.options, **options})
    assert answer["waveform"].shape == (3,)
    return {name: value for name, value in model.told.items() if name in OPTIONS}


def test_what_nobody_says_is_the_usual_or_the_checkpoint_s(checkpoint: Checkpoint) -> None:
    assert crossed(checkpoint) == {
        "room_max_new_tokens": 9,
        "do_sample": False,
        "temperature": 1.0,
        "speaker": "Ada",
    }
    model = Speaker()
    spoken(model, batch(), WORDS, OPTIONS)
    assert "room_max_new_tokens" not in model.told


def test_what_a_user_says_arrives_in_its_own_kind(checkpoint: Checkpoint) -> None:
    said = {"room_max_new_tokens": 3, "do_sample": True, "temperature": 0.5, "speaker": "Zoë"}
    assert crossed(checkpoint, **said) == said


@pytest.mark.parametrize(
    "wrong",
    [
        {"room_max_new_tokens": 0},
        {"room_max_new_tokens": True},
        {"room_max_new_tokens": 2.0},
        {"do_sample": 1},
        {"temperature": 0},
        {"speaker": ""},
        {"seed": -1},
        {"seed": None},
    ],
)
def test_an_option_that_says_nothing_is_refused(checkpoint: Checkpoint, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        crossed(checkpoint, **wrong)


def test_what_is_drawn_follows_the_seed_and_nothing_outside_moves() -> None:
    model = Speaker()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (
        spoken(model, batch(seed=[seed]) if seed else batch(), WORDS, OPTIONS) for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.manual_seed(1)
    assert torch.equal(other, torch.rand(1, 3))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_has_no_forward_is_not_exported() -> None:
    class Traced(torch.nn.Module):
        def forward(self, ids: Any) -> Any:
            return spoken(Speaker(), {"input_ids": ids}, WORDS, OPTIONS)

    with pytest.raises(BackendError, match="no forward to export"):
        torch.jit.trace(Traced(), torch.ones(1, 1, 4))
    with pytest.raises(BackendError, match="no forward to export"):
        torch.export.export(Traced(), (torch.ones(1, 1, 4),))


def test_a_sound_alone_or_behind_the_tokens_of_a_text() -> None:
    ids, sound = torch.arange(6)[None], torch.ones(2, 5)
    assert waveform(sound).shape == (1, 10)
    assert waveform((ids, sound)).shape == (1, 10)
    assert written((ids, sound), {"input_ids": torch.ones(1, 1, 4)}).tolist() == [[4, 5]]


def test_pixels_are_for_the_part_that_thinks_where_there_is_one() -> None:
    assert addressed({"pixel_values": 1, "ids": 2}) == {"pixel_values": 1, "ids": 2}
    told = {"pixel_values": 1, "pixel_values_videos": 2, "image_grid_thw": 3, "thinker_max_new_tokens": 4}
    assert addressed(told) == {
        "thinker_pixel_values": 1,
        "thinker_pixel_values_videos": 2,
        "image_grid_thw": 3,
        "thinker_max_new_tokens": 4,
    }


def test_a_text_is_enough_and_of_a_picture_all_is_wanted(checkpoint: Checkpoint) -> None:
    arrays = SpeechInput(checkpoint, INPUTS, {})
    [item] = arrays.sample
    assert item.keys() == INPUTS.keys()
    [row] = arrays.rows([{name: item[name] for name in WORDS}])
    assert row.keys() == WORDS.keys()
    seen = {name: item[name] for name in (*WORDS, "pixel_values", "image_grid_thw")}
    assert arrays.rows([seen])[0].keys() == seen.keys()
    for name in ("image_grid_thw", "attention_mask"):
        with pytest.raises(InputError, match=name):
            arrays.rows([{key: array for key, array in seen.items() if key != name}])
    with pytest.raises(InputError, match="arrays by name"):
        arrays.rows(["words"])


def test_what_goes_in_place_of_the_rest_is_not_beside_it(checkpoint: Checkpoint) -> None:
    apart = ("input_features", "feature_attention_mask")
    arrays = SpeechInput(checkpoint, INPUTS, {}, apart=apart)
    [seen], [heard] = arrays.sample, arrays.other
    assert seen.keys() == {*WORDS, "pixel_values", "image_grid_thw"}
    assert heard.keys() == {*WORDS, *apart}
    assert seen["input_ids"].tolist() == [[1, 2, 3, 4]]
    assert heard["input_ids"].tolist() == [[1, 5, 5]]
    assert len(arrays.rows([seen, heard])) == 2
    with pytest.raises(InputError, match="in place of pixel_values"):
        arrays.rows([{**seen, **heard}])


def test_a_class_with_voices_is_loaded_with_them_and_not_without(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")

    class Voices(transformers.BertModel):  # type: ignore[misc, name-defined]
        def load_speakers(self, path: Path) -> None:
            self.speaker_map = torch.load(path, weights_only=True)

    Voices(
        transformers.BertConfig(
            hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
        )
    ).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=VOICES):
        pretrained(Voiced(Voices), Checkpoint(str(tmp_path)), dtype="float32")
    torch.save({"Ada": torch.ones(2)}, tmp_path / VOICES)
    model = pretrained(Voiced(Voices), Checkpoint(str(tmp_path)), dtype="float32")
    assert model.speaker_map["Ada"].tolist() == [1, 1]


def test_without_what_goes_apart_there_is_no_second_sample() -> None:
    left = without(INPUTS, ("input_features", "feature_attention_mask"))
    assert left.keys() == {*WORDS, "pixel_values", "image_grid_thw"}
    assert not any(each.other_sizes or len(each.others) for each in left.values())


def test_a_sound_that_is_played_backwards_tells_whether_it_is_heard() -> None:
    def handler(item: dict[str, Any]) -> dict[str, Any]:
        return {"waveform": item["input_features"][0, 0].tolist()}

    item = {"input_features": np.arange(8.0).reshape(1, 1, 8), "feature_attention_mask": np.ones((1, 8), int)}
    [control] = overheard(handler, item, tuple(item))  # type: ignore[arg-type]
    assert (control.name, control.value) == ("input_features changed", 1.0)
