"""Specs and findings: what is written is what is read, and what is wrong is said with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec_strategies import findings, specs

from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_generator.spec import Head, ModelSpec
from ipfs_accelerate_generator.specfile import read_findings, read_spec, write_findings, write_surveyed
from ipfs_accelerate_generator.tomlsource import TomlSource
from ipfs_accelerate_generator.values import SpecError

ROOT = Path(__file__).parent.parent

SURVEYED = """\
# A comment that moves the lines.
model_type = "mini"
title = "Mini"
family = "embedding"
subfamily = "text-encoder"
config = "MiniConfig"
module = "transformers"
modalities = [
    "text",
]

[[heads]]
task = "fill-mask"
table = ""
model = "MiniForMaskedLM"
inputs = ["input_ids"]
output = "logits"

[tiny]
hidden_size = 32
text = '''
'''
"""
VALID = SURVEYED.replace("text = '''\n'''\n", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("surveyed", "overrides", "findings"):
        (tmp_path / name).mkdir()
    return tmp_path


def surveyed(folder: Path, text: str = VALID) -> Path:
    path = folder / "surveyed" / "mini.toml"
    path.write_text(text)
    return path


def override(folder: Path, text: str) -> Path:
    path = folder / "overrides" / "mini.toml"
    path.write_text(text)
    return path


def refusal(*paths: Path) -> str:
    with pytest.raises(SpecError) as caught:
        read_spec(*paths)
    return str(caught.value).replace(str(paths[0].parent.parent) + "/", "")


@given(spec=specs())
def test_a_written_spec_is_read_back_as_it_was(
    spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("specs") / "any.toml"
    path.write_text(write_surveyed(spec))
    assert read_spec(path) == spec


@given(entries=st.lists(findings(), max_size=4))
def test_written_findings_are_read_back_whatever_their_order(
    entries: list[Finding], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("findings") / "any.toml"
    path.write_text(write_findings("bert", entries))
    assert sorted(map(repr, read_findings(path))) == sorted(map(repr, entries))
    assert write_findings("bert", reversed(entries)) == path.read_text()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "model_specs" / "surveyed").glob("*.toml")), ids=lambda p: p.stem
)
def test_committed_specs_are_written_as_the_survey_writes_them(path: Path) -> None:
    spec = read_spec(path)
    assert (path.stem, path.read_text()) == (spec.stem, write_surveyed(spec))


def test_an_override_replaces_single_facts_and_adds_heads(folder: Path) -> None:
    text = """
reason = "The table lacks a head."
[[heads]]
task = "fill-mask"
output = "scores"
[[heads]]
task = "text-generation"
table = ""
model = "MiniForCausalLM"
inputs = ["input_ids"]
output = "logits"
[tiny]
layers = [1, 2]
"""
    spec = read_spec(surveyed(folder), override(folder, text))
    assert spec.reason == "The table lacks a head."
    assert spec.tiny == {"hidden_size": 32, "layers": [1, 2]}
    assert (spec.head("fill-mask").output, spec.head("fill-mask").model) == ("scores", "MiniForMaskedLM")
    assert spec.tasks == ("fill-mask", "text-generation")
    assert spec.where == str(folder / "surveyed" / "mini.toml")


def test_a_head_that_an_override_makes_run_is_unproved_no_longer(folder: Path) -> None:
    lost = '\n[[unproved]]\ntask = "{}"\nmodel = "MiniModel"\nreason = "it has no left wheel"\n'
    place = surveyed(folder, VALID + lost.format("text-generation") + lost.format("mask-generation"))
    assert [each.task for each in read_spec(place).unproved] == ["text-generation", "mask-generation"]
    head = 'task = "text-generation"\ntable = ""\nmodel = "Mini"\ninputs = ["input_ids"]\noutput = "logits"\n'
    spec = read_spec(place, override(folder, f'reason = "The wheel is here."\n[[heads]]\n{head}'))
    assert [each.task for each in spec.unproved] == ["mask-generation"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Mini"', 'titel = "Mini"', "3: key 'titel' is not known; did you mean 'title'?"),
        ('output = "logits"', "outputs = 1", "17: key 'outputs' is not known; did you mean 'output'"),
        ('output = "logits"', "", "12: key 'output' is missing"),
        (
            'output = "logits"',
            'output = "logits"\nalso = ["boxes", "logits"]',
            "18: also names logits, which",
        ),
        ('title = "Mini"', "", "1: key 'title' is missing"),
        ('"text",', '"text", 3,', "8: modalities is 3; give a text in quotes"),
        ("hidden_size = 32", "hidden_size = 2025-01-01", "20: tiny.hidden_size is a date; give a text"),
        ("hidden_size = 32", 'hidden_size = """\n\na"""', "20: tiny.hidden_size is '"),
        ("hidden_size = 32", "a.b = inf", "20: tiny.a.b is inf; give a finite number"),
        ("hidden_size = 32", "size = 99999999999999999999", "20: tiny.size is a number of more than 63 bits"),
        ("hidden_size = 32", "import = 1", "20: tiny has the key 'import', which is not a Python name"),
        ('family = "embedding"', 'family = "embeding"', "4: family 'embeding' is not known; did you mean"),
        ('"MiniForMaskedLM"', '"os; evil()"', "15: model 'os; evil()' is not a Python name"),
        ('module = "transformers"', 'module = "a..b"', "7: module 'a..b' is not a dotted Python name"),
        ('"mini"', '"../mini"', "2: model_type '../mini' is not a model type"),
        ('task = "fill-mask"', 'task = "fill mask"', "13: task 'fill mask' is not a task"),
        ("[[heads]]", "[heads]", "12: heads is {"),
        ("[tiny]", "[limits]\ntokens = []\n[tiny]", "20: tokens is []; give a text in quotes"),
        ("[tiny]", "[limits]\ntoken = 'a'\n[tiny]", "20: key 'token' is not known; did you mean 'tokens'?"),
        ("[tiny]", "[tiny", "19: is not valid TOML: Expected ']'"),
        ('"mini"', '"mini', "2: is not valid TOML"),
        ("[tiny]", "[tiny]\na = " + "[" * 5000, "1: is nested too deeply"),
        ("[tiny]", "reason = 'x'\n[tiny]", "19: key 'reason' is not known"),
    ],
)
def test_a_mistake_is_refused_with_its_line(folder: Path, old: str, new: str, message: str) -> None:
    text = VALID
    assert old in text
    assert refusal(surveyed(folder, text.replace(old, new, 1))).startswith(f"surveyed/mini.toml:{message}")


def test_a_mistake_in_an_override_is_blamed_on_the_override(folder: Path) -> None:
    text = "reason = 'x'\n\n# why\n[[heads]]\n\ntask = 'fill-mask'\n\n\ninputs = [\n  'a b',\n]\n"
    assert refusal(surveyed(folder), override(folder, text)) == (
        "overrides/mini.toml:9: inputs 'a b' is not a Python name"
    )


TENSOR = """
[[heads.tensors]]
name = "input_ids"
dtype = "int64"
shape = [2, 3]
values = [[1, 2, 3], [4, 5, 6]]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[4, 5, 6]", "[4, 5]", "23: values are not at most 4096 numbers nested as shape [2, 3] says"),
        ("[4, 5, 6]", "[4, 5, nan]", "23: values are not at most 4096 numbers"),
        ("values = [[1, 2, 3], [4, 5, 6]]", "", "19: high is 0; give more than low, 0"),
        ("shape = [2, 3]", "shape = [2, -3]", "22: shape has -3; give whole numbers from 0"),
        ("shape = [2, 3]", "shape = [2, 3]\nvary = [2]", "23: vary is [2]; give different axes of [2, 3]"),
        ('"int64"', '"int32"', "21: dtype 'int32' is not known"),
        ('name = "input_ids"', 'name = "pixels"', "19: tensors are not those of inputs"),
        ("shape", "size", "22: key 'size' is not known"),
    ],
)
def test_a_mistake_in_a_tensor_is_refused_with_its_line(
    folder: Path, old: str, new: str, message: str
) -> None:
    assert read_spec(surveyed(folder, VALID.replace("\n[tiny]", f"{TENSOR}\n[tiny]"))).heads[0].tensors
    text = VALID.replace("\n[tiny]", f"{TENSOR.replace(old, new, 1)}\n[tiny]")
    assert refusal(surveyed(folder, text)).startswith(f"surveyed/mini.toml:{message}")


def test_an_override_says_why(folder: Path) -> None:
    message = refusal(surveyed(folder), override(folder, "title = 'Mine'\n"))
    assert message.startswith("overrides/mini.toml:1: key 'reason' is missing; say why")


def test_a_second_head_for_one_task_is_refused(folder: Path) -> None:
    text = VALID
    head = text[text.index("[[heads]]") : text.index("[tiny]")]
    message = refusal(surveyed(folder, text.replace("[tiny]", f"{head}[tiny]")))
    assert message == "surveyed/mini.toml:20: task 'fill-mask' has two heads; keep one"


@pytest.mark.parametrize("raw", [b"\n\ntitle = '\xff'\n", b"\n\ntitle = '\x00'\n"])
def test_bytes_that_are_no_text_are_refused_with_their_line(folder: Path, raw: bytes) -> None:
    path = surveyed(folder)
    path.write_bytes(raw)
    assert refusal(path).startswith("surveyed/mini.toml:3: is not ")
    assert "ipfs-accelerate survey mini" in refusal(path)


def test_a_missing_file_says_how_to_make_it(folder: Path) -> None:
    assert "write it again with `ipfs-accelerate survey mini`" in refusal(folder / "surveyed" / "mini.toml")


@given(cut=st.integers(0, len(SURVEYED)))
def test_a_torn_file_is_read_whole_or_refused_with_a_line(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("torn") / "mini.toml"
    path.write_text(SURVEYED[:cut])
    try:
        read_spec(path)
    except SpecError as error:
        line = int(str(error).removeprefix(f"{path}:").split(":")[0])
        assert 1 <= line <= SURVEYED.count("\n") + 1


@given(spec=specs())
def test_every_key_has_the_line_that_sets_it(
    spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("lines") / "any.toml"
    path.write_text(write_surveyed(spec))
    source = TomlSource.read(path)
    lines = path.read_text().split("\n")
    for key in source.data:
        assert lines[source.line_of((key,)) - 1].strip("[] ").split(" ")[0].split(".")[0] == key
    for place in range(len(spec.heads)):
        assert lines[source.line_of(("heads", place)) - 1] == "[[heads]]"
        assert lines[source.line_of(("heads", place, "task")) - 1].startswith("task = ")


@given(name=st.text())
def test_the_file_of_a_model_type_never_leaves_its_folder(name: str) -> None:
    try:
        head = Head(task="fill-mask", table="", model="A", inputs=("a",), output="b")
        spec = ModelSpec(
            model_type=name,
            title="T",
            family="vision",
            subfamily="a",
            config="C",
            module="m",
            modalities=("image",),
            heads=(head,),
        )
    except SpecError:
        return
    assert (Path("/root") / f"{spec.stem}.toml").resolve().parent == Path("/root")
    assert f"hf_{spec.stem}".isidentifier()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"backend": "openvno"}, "6: backend 'openvno' is not known; did you mean 'openvino'"),
        ({"effect": "leave_out"}, "9: effect 'leave_out' is not known; did you mean 'leave-out'"),
        ({"evidence": "12"}, "11: evidence '12' is not a digest of twelve hex digits"),
        ({"seen": "linux"}, "5: seen is 'linux'; give a list of texts"),
    ],
)
def test_a_mistake_in_a_finding_is_refused_with_its_line(
    folder: Path, changed: dict[str, str], message: str
) -> None:
    values = {
        "seen": ["linux"],
        "backend": "cpu",
        "precision": "float32",
        "task": "fill-mask",
        "effect": "proved",
        "reason": "all tests passed",
        "evidence": "0" * 12,
        "slice": "1" * 12,
    } | changed
    lines = [f"{key} = {value!r}" for key, value in values.items()]
    path = folder / "findings" / "mini.toml"
    path.write_text("model_type = 'mini'\n\n# so\n[[finding]]\n" + "\n".join(lines))
    with pytest.raises(SpecError) as caught:
        read_findings(path)
    assert str(caught.value).startswith(f"{path}:{message}")


def test_only_a_variant_has_a_choice() -> None:
    given_ = {
        "task": "fill-mask",
        "backend": "openvino",
        "reason": "r",
        "evidence": "0" * 12,
        "slice": "1" * 12,
        "seen": ("linux",),
    }
    assert Finding(**given_, effect=Effect.VARIANT, variant={"route": "dynamo"}).variant == {
        "route": "dynamo"
    }
    with pytest.raises(SpecError, match="variant goes with"):
        Finding(**given_, effect=Effect.PROVED, variant={"route": "dynamo"})
    with pytest.raises(SpecError, match="variant goes with"):
        Finding(**given_, effect=Effect.VARIANT)
