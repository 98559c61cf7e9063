"""A name finds its type, its task and its options, or the error names what is nearest."""

import json

import numpy as np
import pytest
from tiny_checkpoints import MOODS, bert, changed, vit, weightless

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.errors import BackendError, CheckpointError, UnknownName
from ipfs_accelerate_py.skills.catalogue import find
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.dispatch import pick_task
from ipfs_accelerate_py.skills.skill import Skill


def _task(folder, asked=None, **config):
    checkpoint = Checkpoint(str(weightless(folder, **config)))
    return pick_task(checkpoint, find("bert"), asked)


@pytest.mark.parametrize(
    ("config", "task"),
    [
        ({"architectures": ["BertForMaskedLM"]}, "fill-mask"),
        ({"architectures": ["BertForSequenceClassification"]}, "text-classification"),
        ({"architectures": ["BertForQuestionAnswering"]}, "question-answering"),
        ({"architectures": ["BertModel"], "id2label": {"0": "glad", "1": "sad"}}, "feature-extraction"),
        ({"id2label": {"0": "glad", "1": "sad"}}, "text-classification"),
        ({"id2label": {"0": "O", "1": "B-PER", "2": "I-PER"}}, "token-classification"),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}, "feature-extraction"),
        ({"architectures": ["SomethingElse"]}, "feature-extraction"),
        ({"architectures": None}, "feature-extraction"),
        ({"architectures": "BertForMaskedLMBut"}, "feature-extraction"),
        ({"architectures": 7}, "feature-extraction"),
        ({"architectures": [["BertForMaskedLM"]]}, "feature-extraction"),
        ({}, "feature-extraction"),
    ],
)
def test_the_task_is_what_the_checkpoint_was_trained_for(config, task, tmp_path):
    assert _task(tmp_path, **config) == task


def test_a_chain_of_sentence_transformers_goes_before_the_architecture(tmp_path):
    weightless(tmp_path)
    (tmp_path / "modules.json").write_text("[]")
    assert _task(tmp_path, architectures=["BertForMaskedLM"]) == "feature-extraction"


def test_a_task_that_is_asked_for_goes_before_all_else(tmp_path):
    assert _task(tmp_path, "fill-mask", architectures=["BertModel"]) == "fill-mask"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"task": "text-clasification"},
            r"task 'text-clasification' is not known; did you mean 'text-classification'",
        ),
        (
            {"task": "image-classification"},
            "bert has no head for image-classification; it has feature-extraction",
        ),
        ({"backend": "openvno"}, r"backend 'openvno' is not known; did you mean 'openvino'"),
        ({"backend": "cpu", "devise": 1}, "cpu option 'devise' is not known"),
        (
            {"backend": "openvino", "devise": 1},
            r"openvino option 'devise' is not known; did you mean 'device'\?",
        ),
        ({"devise": 1}, r"option 'devise' is not known; did you mean 'device'"),
    ],
)
def test_an_unknown_task_backend_or_option_is_answered_with_the_nearest(arguments, message):
    with pytest.raises(UnknownName, match=message):
        ia.load(str(bert()), **arguments)


@pytest.mark.parametrize(
    ("model_type", "near"), [("bret", r"did you mean 'bert'"), ("vti", "vit"), ("q" * 30, "known")]
)
def test_an_unknown_model_type_is_answered_with_the_nearest_and_how_to_make_it(model_type, near, tmp_path):
    with pytest.raises(
        UnknownName, match=rf"model type '{model_type}' is not known; .*{near}.*ipfs-accelerate loop"
    ):
        ia.load(str(weightless(tmp_path, model_type=model_type)))


def test_a_checkpoint_without_the_weights_of_the_head_is_refused():
    with pytest.raises(
        CheckpointError, match=r"has no weights for .*, which BertForMaskedLM needs; its head is"
    ):
        ia.load(str(bert()), "fill-mask", "cpu")


def test_a_left_out_pair_says_why():
    skill = Skill(
        "bert",
        "embedding",
        {"fill-mask": None},
        {"cpu": None},
        left_out={("fill-mask", "cpu"): "it was wrong"},
    )
    assert skill.backends("fill-mask") == ()
    with pytest.raises(BackendError, match="fill-mask on cpu was left out: it was wrong"):
        skill.load(None, "fill-mask", "cpu")


@pytest.mark.parametrize("backend", ["cuda", "rocm", "mps", "xpu", "qualcomm"])
def test_hardware_that_is_not_here_is_a_clear_error_or_runs(backend):
    try:
        handler = ia.load(str(bert()), backend=backend)
    except BackendError as error:
        assert backend in str(error)  # noqa: PT017 - either end is right
    else:
        assert handler.place.backend == backend


def test_weights_that_do_not_fit_are_refused_and_say_which(tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = changed(bert(), tmp_path / "lacking")
    tensors = load_file(folder / "model.safetensors")
    del tensors["classifier.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"has no weights for classifier\.weight"):
        ia.load(str(folder), backend="cpu")


def test_types_with_different_processors_are_found_by_the_same_call():
    assert ia.load(str(bert()), backend="cpu").task == "text-classification"
    picture = ia.load(str(vit()), backend="cpu")
    assert picture.task == "image-classification"
    answer = picture(np.zeros((9, 7, 3), dtype=np.uint8))
    assert answer["label"] in MOODS.values()
    assert json.loads(json.dumps(answer)) == answer
