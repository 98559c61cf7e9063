"""`run` answers texts, pictures and objects; `show` tells what a checkpoint is without loading it."""

import io
import json
import subprocess
import sys

import pytest
from tiny_checkpoints import BERT, MOODS, bert, minilm, vit, weightless

from ipfs_accelerate_py.cli.app import main
from ipfs_accelerate_py.evidence.pictures import drawn
from ipfs_accelerate_py.evidence.tiny import TEXTS


@pytest.fixture
def program(capsys):
    """Run the program and return its exit code, what it printed, and what it complained of."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_texts_are_answered_in_order_as_json(program):
    code, out, _ = program("run", bert(), *TEXTS[:2], "--backend", "cpu", "--json")
    answers = json.loads(out)
    assert code == 0
    assert [answer["backend"] for answer in answers] == ["cpu", "cpu"]
    assert all(answer["label"] in MOODS.values() for answer in answers)


def test_a_table_says_where_it_ran_and_names_each_input(program):
    code, out, _ = program("run", bert(), *TEXTS[:2], "--backend", "cpu")
    assert code == 0
    assert out.startswith("text-classification on cpu (cpu): asked for by name\n")
    for text in TEXTS[:2]:
        assert text in out


def test_a_picture_is_answered(program, tmp_path):
    path, _ = drawn("cmyk", tmp_path)
    code, out, _ = program("run", vit(), path, "--backend", "cpu", "--option", "top_k=1", "--json")
    (answer,) = json.loads(out)
    assert code == 0
    assert len(answer["labels"]) == 1


def test_an_object_is_an_input_of_its_own(program):
    item = {"question": "Who sat?", "context": TEXTS[0]}
    folder = bert("BertForQuestionAnswering", "none")
    code, out, _ = program("run", folder, json.dumps(item), "--backend", "cpu", "--json")
    (answer,) = json.loads(out)
    assert code == 0
    assert TEXTS[0][answer["start"] : answer["end"]] == answer["answer"]


def _pipe(monkeypatch, raw):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="ascii"))


def test_lines_of_standard_input_are_texts_and_objects_whatever_the_locale(program, monkeypatch):
    texts = [TEXTS[0], "Zażółć gęślą jaźń.", json.dumps({"text": TEXTS[0], "text_pair": TEXTS[1]})]
    _pipe(monkeypatch, "\n\n \n".join(texts).encode())
    _, out, _ = program("run", bert(), "-", "--backend", "cpu", "--json")
    piped = [answer["logits"] for answer in json.loads(out)]
    _, out, _ = program("run", bert(), *texts, "--backend", "cpu", "--json")
    assert piped == [answer["logits"] for answer in json.loads(out)]
    assert len(piped) == 3


@pytest.mark.parametrize(
    ("raw", "fact"),
    [
        (b"", "standard input holds no text"),
        (b"\n \n", "standard input holds no text"),
        (b"caf\xe9\n", "standard input is not UTF-8 at byte 3"),
        (b"Rain.\n{no object\n", "begins like a JSON object but is none"),
    ],
)
def test_standard_input_without_a_text_is_refused_before_anything_is_loaded(
    raw, fact, program, monkeypatch, tmp_path
):
    _pipe(monkeypatch, raw)
    code, out, err = program("run", tmp_path / "not looked at", "-")
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert fact in line


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        (["", "--backend", "cpu"], "input 0: the text is empty"),
        (['{"text": '], "begins like a JSON object but is none"),
        (["Rain.", "--backend", "openvno"], "did you mean 'openvino'"),
        (
            ["Rain.", "--task", "fill-mask", "--backend", "cpu"],
            "its head is ['BertForSequenceClassification']",
        ),
        (["Rain.", "--task", "fil-mask"], "did you mean 'fill-mask'?"),
        (["Rain.", "--backend", "cpu", "--option", "topk=1"], "did you mean 'top_k'?"),
        (["Rain.", "--backend", "cpu", "--option", "top_k"], "has no value; write NAME=VALUE"),
        (
            ["Rain.", "--backend", "cpu", "--option", "top_k=none"],
            "top_k is 'none'; it is a whole number from 1",
        ),
        (
            ["Rain.", "--backend", "cpu", "--option", "function_to_apply=tanh"],
            "it is one of sigmoid, softmax, none",
        ),
    ],
)
def test_what_cannot_be_answered_is_one_sentence_and_exit_one(arguments, fact, program):
    code, out, err = program("run", bert(), *arguments)
    assert code == 1
    assert not out
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert fact in lines[0]


@pytest.mark.parametrize("command", [["run", "Rain."], ["show"]])
def test_a_checkpoint_that_is_none_is_one_sentence_and_exit_one(command, program, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    for folder, fact in (
        (tmp_path, "names no model_type"),
        (tmp_path / "gone", "no such folder"),
        ("no/body", "HF_HUB_OFFLINE"),
    ):
        code, out, err = program(command[0], folder, *command[1:])
        assert (code, out) == (1, "")
        assert err.startswith("error: ")
        assert fact in err


def test_show_tells_type_task_limits_size_and_backends(program):
    code, out, _ = program("show", bert(), "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["model_type"], found["task"]) == ("bert", "text-classification")
    assert found["limits"] == {"tokens": BERT["max_position_embeddings"]}
    assert found["memory_bytes"] == 4 * found["parameters"]
    assert found["stored_bytes"] == (bert() / "model.safetensors").stat().st_size
    assert found["tasks"]["fill-mask"] == "BertForMaskedLM"
    assert {"cpu", "openvino", "cuda", "webgpu"} <= set(found["backends"])
    assert all(found["backends"].values())


def test_show_counts_what_the_model_itself_counts(program):
    from transformers import AutoModelForImageClassification

    model = AutoModelForImageClassification.from_pretrained(vit())
    _, out, _ = program("show", vit(), "--json")
    assert json.loads(out)["parameters"] == sum(parameter.numel() for parameter in model.parameters())


def test_show_knows_the_real_limit_of_minilm(program):
    code, out, _ = program("show", minilm())
    assert code == 0
    assert "limit, tokens" in out
    assert "256" in out
    assert "feature-extraction" in out


def test_show_without_a_limit_invents_none(program, tmp_path):
    _, out, _ = program("show", weightless(tmp_path), "--json")
    assert json.loads(out)["limits"] == {"tokens": None}


def test_show_loads_neither_torch_nor_the_weights(tmp_path):
    folder = weightless(tmp_path, architectures=["BertModel"])
    script = (
        "import sys; from ipfs_accelerate_py.cli.app import main; code = main(['show', sys.argv[1]]);"
        "print(code, sorted({'torch', 'transformers', 'openvino', 'onnxruntime', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []"
