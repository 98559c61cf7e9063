"""Sounds become what a model takes: at its rate, long enough, filled up only where a mask says so."""

import json

import numpy as np
import pytest
from tiny_checkpoints import weightless

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.evidence.sounds import sounds
from ipfs_accelerate_py.skills.audio import AudioInput
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.frames import context, stretches

CONVOLUTIONS = {"conv_kernel": [10, 3, 2], "conv_stride": [5, 2, 2]}
NAMES = ("input_values", "attention_mask")


def audio_input(folder, usual="Wav2Vec2FeatureExtractor", names=NAMES, config=None, frames=1, **settings):
    weightless(folder, **{**CONVOLUTIONS, **(config or {})})
    (folder / "preprocessor_config.json").write_text(json.dumps({"sampling_rate": 16_000, **settings}))
    return AudioInput(Checkpoint(str(folder)), names, usual, frames)


def test_a_sound_with_another_rate_is_heard_at_the_model_s(tmp_path):
    ours = audio_input(tmp_path)
    (sound,) = ours.encode([{"array": np.ones(8000, dtype=np.float32), "sampling_rate": 8000}])
    assert sound.arrays["input_values"].shape == sound.arrays["attention_mask"].shape == (16_000,)


def test_settings_in_the_file_of_a_whole_processor_are_found(tmp_path):
    ours = audio_input(tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    (tmp_path / "processor_config.json").write_text(
        json.dumps({"feature_extractor": {"sampling_rate": 8000}})
    )
    assert ours.rate == 8000
    (tmp_path / "processor_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json is missing"):
        AudioInput(ours.checkpoint, NAMES, ours.usual).extractor  # noqa: B018


@pytest.mark.parametrize("frames", [1, 2, 16])
def test_the_shortest_sound_has_just_the_frames_that_are_needed(frames, tmp_path):
    ours = audio_input(tmp_path, frames=frames)
    length = ours.shortest
    for kernel, stride in zip(CONVOLUTIONS["conv_kernel"], CONVOLUTIONS["conv_stride"], strict=True):
        length = (length - kernel) // stride + 1
    assert length == frames
    assert ours.ratio == 20
    assert len(ours.wave(np.zeros(ours.shortest))) == ours.shortest
    with pytest.raises(InputError, match=f"input 5: .*needs at least {ours.shortest}"):
        ours.wave(np.zeros(ours.shortest - 1), 5)


@pytest.mark.parametrize(
    ("masked", "names", "filled"),
    [(True, NAMES, True), (False, NAMES, False), (True, ("input_values",), False)],
)
def test_sounds_are_filled_up_only_where_a_mask_hides_it(masked, names, filled, tmp_path):
    ours = audio_input(tmp_path, names=names, return_attention_mask=masked)
    assert bool(ours.padding) is filled
    first, second = (len(each.arrays["input_values"]) for each in ours.encode(ours.sample))
    assert (first != second) is filled  # else an export could not trace both in one batch


@pytest.mark.parametrize(
    ("item", "fact"),
    [
        ({"input_values": np.zeros(9)}, r"shape \(9,\); the model takes \(30 samples or more,\)"),
        ({"input_values": np.zeros((2, 90))}, "several as a list"),
        ({"input_values": np.full(90, np.inf)}, "not finite"),
        ({"input_values": np.full(90, 1e300)}, "not finite"),
        ({"input_values": [[1], [2, 3]]}, "no array of numbers"),
        (
            {"input_values": np.zeros(90), "sampling_rate": 8000},
            "at 8000 samples a second; the model takes 16000",
        ),
        ({"input_values": np.zeros(90), "speed": 2}, "'speed' is not taken; this model takes 'input_values'"),
        (
            {"input_features": np.zeros((80, 90))},
            "'input_features' is not taken; this model takes 'input_values'",
        ),
    ],
)
def test_ready_values_that_the_model_cannot_take_are_refused_with_their_place(item, fact, tmp_path):
    with pytest.raises(InputError, match=f"^input 1: .*{fact}"):
        audio_input(tmp_path).encode([sounds()[0], item])


def test_a_spectrogram_of_another_shape_is_refused(tmp_path):
    ours = audio_input(tmp_path, "WhisperFeatureExtractor", ("input_features",), chunk_length=1)
    (sound,) = ours.encode([{"input_features": np.zeros((1, 80, 100))}])
    assert sound.arrays["input_features"].shape == (80, 100)
    with pytest.raises(InputError, match=r"shape \(80, 99\); the model takes \(80, 100\)"):
        ours.encode([{"input_features": np.zeros((80, 99))}])


def test_what_is_over_the_limit_is_said(tmp_path):
    ours = audio_input(tmp_path, "WhisperFeatureExtractor", ("input_features",), chunk_length=1)
    exact, longer = ours.encode([np.zeros(16_000), np.zeros(40_000)])
    assert exact.notice is None
    assert longer.notice == "truncated: 2.50 seconds of sound, of which the checkpoint takes 1"


def test_windows_are_each_made_ready_and_a_rest_that_is_too_short_is_dropped(tmp_path):
    ours = audio_input(tmp_path)
    ((first, second, *others),) = ours.windows([np.zeros(1620)], 0.05, 0)
    assert not others
    assert [each.arrays["input_values"].size for each, _ in (first, second)] == [800, 800]
    (((whole, place),),) = ours.windows([np.zeros(1620)], 0, None)
    assert place is None
    assert whole.arrays["input_values"].size == 1620


def test_time_delay_layers_need_the_frames_that_they_look_at(tmp_path):
    assert context(Checkpoint(str(weightless(tmp_path / "none")))) == 1
    config = {"tdnn_kernel": [5, 3, 1], "tdnn_dilation": [1, 2, 1]}
    assert context(Checkpoint(str(weightless(tmp_path / "some", **config)))) == 2 + 4 + 4


def test_stretches_are_in_the_order_of_their_beginning():
    scores = np.array([[0.9, 0.1], [0.8, 0.7], [0.1, 0.9], [0.6, 0.0]])
    assert stretches(scores, ("a", "b"), 0.5, 0.1) == [
        {"label": "a", "score": pytest.approx(0.85), "start": 0.0, "end": 0.2},
        {"label": "b", "score": pytest.approx(0.8), "start": 0.1, "end": pytest.approx(0.3)},
        {"label": "a", "score": 0.6, "start": pytest.approx(0.3), "end": 0.4},
    ]
