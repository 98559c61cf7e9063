"""What is heard: frames that an encoder says have sound in them, ids that are codes, and what layers alone take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from transformers.utils import ModelOutput  # noqa: E402

from ipfs_accelerate_generator.choice import wants_arrays  # noqa: E402
from ipfs_accelerate_generator.given import TEMPLATE, by_name  # noqa: E402
from ipfs_accelerate_generator.planned import hearing  # noqa: E402
from ipfs_accelerate_generator.spec import Head, ModelSpec, Processors  # noqa: E402
from ipfs_accelerate_generator.specfile import read_spec  # noqa: E402
from ipfs_accelerate_generator.survey.keywords import handed_on  # noqa: E402
from ipfs_accelerate_generator.survey.rules import sounds  # noqa: E402
from ipfs_accelerate_generator.survey.running import settled  # noqa: E402
from ipfs_accelerate_generator.survey.shape import Shape  # noqa: E402
from ipfs_accelerate_generator.survey.subject import Candidate  # noqa: E402
from ipfs_accelerate_generator.tensor import Tensor  # noqa: E402
from ipfs_accelerate_py.evidence.heard import told_mean  # noqa: E402
from ipfs_accelerate_py.skills.checkpoint import Checkpoint  # noqa: E402
from ipfs_accelerate_py.skills.convolved_input import CONVOLUTIONS, ConvolvedInput  # noqa: E402
from ipfs_accelerate_py.skills.heard import mean_of_heard  # noqa: E402

ROOT = Path(__file__).parents[1]
HIDDEN = torch.arange(24.0).reshape(2, 4, 3)


class Config(transformers.PreTrainedConfig):  # type: ignore[misc]  # its types are not read
    model_type = "heard"
    hidden_size = 16
    num_codebooks = 4
    repeats = 2
    mel_dim = 20
    enc_emb_dim = 6

    def __init__(self) -> None:
        super().__init__()
        names = ("hidden_size", "num_codebooks", "repeats", "mel_dim", "enc_emb_dim")
        self.__dict__.update({name: getattr(type(self), name) for name in names})


class Stub(torch.nn.Module):  # type: ignore[misc]  # its types are not read
    """A model whose forward is `does`, with its own signature."""

    def __init__(self, does: Callable[..., Any], layer: torch.nn.Module | None = None) -> None:
        super().__init__()
        self.config = Config()
        self.layer = layer
        self.does = does

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.does(*inputs, **named)


class Timed(torch.nn.Module):  # type: ignore[misc]
    """A layer that wants what no signature above it names."""

    def forward(self, hidden_states: torch.Tensor, t_cond: torch.Tensor | None = None) -> torch.Tensor:
        assert t_cond is not None
        return hidden_states * t_cond


def candidate(does: Callable[..., Any]) -> Candidate:
    return Candidate("feature-extraction", "", type("Class", (), {"forward": staticmethod(does)}))


def spec(name: str) -> ModelSpec:
    return read_spec(ROOT / "model_specs" / "surveyed" / f"{name}.toml")


def test_of_frames_those_count_that_the_encoder_says_are_heard() -> None:
    output = ModelOutput(last_hidden_state=HIDDEN, attention_mask=torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]))
    found = mean_of_heard(torch.nn.Identity(), output, torch.ones(2, 8))
    torch.testing.assert_close(found, torch.stack([HIDDEN[0, :2].mean(0), HIDDEN[1].mean(0)]))


def test_where_it_says_nothing_they_are_counted() -> None:
    mask = torch.tensor([[1, 1, 1, 1, 0, 0, 0, 0], [1] * 8])
    found = mean_of_heard(torch.nn.Identity(), ModelOutput(last_hidden_state=HIDDEN), mask)
    torch.testing.assert_close(found, torch.stack([HIDDEN[0, :2].mean(0), HIDDEN[1].mean(0)]))


@pytest.mark.parametrize(("told", "count"), [(None, 4), ([[1, 1, 1, 0], [1, 1, 1, 1]], 3)])
def test_a_reference_leaves_out_what_the_class_itself_says_is_not_heard(told: Any, count: int) -> None:
    said = {} if told is None else {"attention_mask": torch.tensor(told)}
    torch.testing.assert_close(
        told_mean(ModelOutput(last_hidden_state=HIDDEN, **said)), HIDDEN[0, :count].mean(0)
    )


@pytest.mark.parametrize("model_type", CONVOLUTIONS)
def test_the_shortest_sound_is_the_shortest_that_the_convolutions_take(
    model_type: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(f'{{"model_type": "{model_type}"}}')
    sound = ConvolvedInput(Checkpoint(str(tmp_path)), ("input_values",), usual="Wav2Vec2FeatureExtractor")

    def frames(samples: int) -> int:
        for kernel, stride in CONVOLUTIONS[model_type]:
            samples = (samples - kernel) // stride + 1
        return samples

    assert (frames(sound.shortest), frames(sound.shortest - 1)) == (1, 0)


@pytest.mark.parametrize(
    ("model_type", "extractor", "reader"),
    [
        ("moonshine", "Wav2Vec2FeatureExtractor", "ConvolvedInput"),
        ("wav2vec2", "Wav2Vec2FeatureExtractor", "AudioInput"),
        ("canary", "ParakeetFeatureExtractor", "FrameInput"),
        ("dac", "DacFeatureExtractor", "CodecInput"),
    ],
)
def test_a_sound_is_read_as_its_extractor_makes_it(model_type: str, extractor: str, reader: str) -> None:
    made = Processors(feature_extractor=extractor)
    assert str(hearing(replace(spec("wav2vec2"), model_type=model_type, processors=made))) == reader


def test_ids_that_are_taken_in_rows_of_books_are_codes_and_no_text() -> None:
    def reads(input_ids: torch.Tensor) -> torch.Tensor:
        return input_ids.reshape(-1, 4, input_ids.shape[-1]).float()

    def texts(input_ids: torch.Tensor) -> torch.Tensor:
        return input_ids.float()

    assert settled(candidate(reads), Stub(reads), ("input_ids",)).coded
    assert not settled(candidate(texts), Stub(texts), ("input_ids",)).coded


def test_what_layers_alone_take_is_given_where_nothing_else_works() -> None:
    layer = Timed()

    def timed(inputs_embeds: torch.Tensor, **more: Any) -> torch.Tensor:
        return layer(inputs_embeds, **more)

    def told(inputs_embeds: torch.Tensor) -> torch.Tensor:
        return inputs_embeds

    assert settled(candidate(timed), Stub(timed, layer), ("inputs_embeds",)).names == (
        "inputs_embeds",
        "t_cond",
    )
    assert handed_on(candidate(told), Stub(told, layer), ("inputs_embeds",)) == ("inputs_embeds",)


def test_frames_beside_codes_are_several_for_each() -> None:
    shape, drawn = Shape("feature-extraction", Config(), 12), torch.Generator().manual_seed(0)
    assert sounds.bands_by_code(shape, drawn).shape == (2, 24, 20)
    assert sounds.speaker_by_code(shape, drawn).shape == (2, 24, 6)


@pytest.mark.parametrize(
    ("task", "idle", "offered"),
    [
        ("text-to-audio", False, True),
        ("feature-extraction", False, True),
        ("text-to-audio", True, False),
        ("visual-question-answering", False, False),
    ],
)
def test_a_decoder_is_given_what_it_wrote_where_one_pass_answers(
    task: str, idle: bool, offered: bool
) -> None:
    tensors = (Tensor(name="decoder_input_ids", dtype="int64", shape=(2, 12), high=9, idle=idle),)
    head = Head(
        task=task, table="", model="Some", inputs=("decoder_input_ids",), output="logits", tensors=tensors
    )
    assert by_name(replace(spec("wav2vec2"), heads=(head,))) == (
        {task: f"tasks/{TEMPLATE}"} if offered else {}
    )


def test_a_sound_that_comes_of_a_sound_is_no_vector() -> None:
    found = spec("dac")
    head = Head(
        task="feature-extraction", table="", model="DacModel", inputs=("input_values",), output="audio_values"
    )
    assert wants_arrays(found, head, sees=True)
    assert not wants_arrays(found, replace(head, output="last_hidden_state"), sees=True)
