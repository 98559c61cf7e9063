"""Evidence is read back as it was written, refused when it is not ours, and counted when it is torn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipfs_accelerate_py.evidence import lines
from ipfs_accelerate_py.evidence.cells import ANY, Cell, EvidenceError, cell, file_stem, property_name
from ipfs_accelerate_py.evidence.environment import Environment, environment, versions
from ipfs_accelerate_py.evidence.observation import KINDS, OUTCOMES, Collected, Observation, Started

WHO = {"run": "r", "worker": "main", "model_type": "bert", "task": "fill-mask", "backend": "openvino"}
SEEN = Observation(
    **WHO,
    kind="test",
    precision="float32",
    property="test_agrees",
    outcome="passed",
    seconds=0.25,
    slice="0f1e2d3c4b5a",
    environment="aaaabbbbcccc",
)
BEGUN = Started(
    **WHO,
    precision="float32",
    property="test_agrees",
    slice="0f1e2d3c4b5a",
    environment="aaaabbbbcccc",
    test="0123456789ab",
    node="test_hf_bert.py::test_agrees[fill-mask-openvino]",
)
FILES = Collected(
    run="r",
    worker="main",
    model_type="bert",
    test="0" * 12,
    source="1" * 12,
    tests=(("p", "t", "cpu", "float32"),),
)

numbers = st.none() | st.floats(min_value=0, allow_nan=False, allow_infinity=False)
texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
observations = st.builds(
    replace,
    st.just(SEEN),
    kind=st.sampled_from(KINDS),
    outcome=st.sampled_from(OUTCOMES),
    difference=numbers,
    tolerance=numbers,
    control=numbers,
    peak_mb=numbers,
    route=texts,
    failure=texts,
    message=texts,
    simulated=st.booleans(),
)


@given(observations)
def test_a_line_is_read_back_as_it_was_written(seen: Observation) -> None:
    text = lines.dump(seen)
    assert "\n" not in text
    assert lines.load(text, where="here") == seen


def test_every_kind_of_line_is_read_back() -> None:
    here = lines.Surroundings(run="r", worker="main", facts=environment())
    for line in (SEEN, BEGUN, FILES, here):
        assert lines.load(lines.dump(line), where="here") == line


@pytest.mark.parametrize("line", [SEEN, BEGUN, FILES])
def test_an_unknown_key_is_refused_with_its_place(line: Observation | Started | Collected) -> None:
    data = {**json.loads(lines.dump(line)), "modeltype": 1}
    with pytest.raises(EvidenceError, match=r"x\.jsonl:7: key 'modeltype' is not known"):
        lines.load(json.dumps(data), where="x.jsonl:7")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("seconds", "1", "seconds must be float or int, not '1'"),
        ("seconds", True, "seconds must be"),
        ("seconds", -1.0, "at least 0"),
        ("outcome", "pased", "did you mean 'passed'"),
        ("kind", "tset", "did you mean 'test'"),
        ("slice", "xyz", "12 hexadecimal digits"),
        ("simulated", 1, "simulated must be bool"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(key: str, value: object, message: str) -> None:
    data = {**json.loads(lines.dump(SEEN)), key: value}
    with pytest.raises(EvidenceError, match="x.jsonl:7: .*" + message):
        lines.load(json.dumps(data), where="x.jsonl:7")


def test_a_missing_key_is_refused() -> None:
    data = json.loads(lines.dump(SEEN))
    del data["message"], data["outcome"]
    with pytest.raises(EvidenceError, match="key 'outcome' is missing"):
        lines.load(json.dumps(data), where="x")


def test_facts_that_do_not_belong_to_their_digest_are_refused() -> None:
    here = json.loads(lines.dump(lines.Surroundings(run="r", worker="w", facts=environment())))
    with pytest.raises(EvidenceError, match="have the digest"):
        lines.load(json.dumps({**here, "cores": 4096}), where="x")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(cut=st.integers(1, 400), place=st.integers(0, 2))
def test_torn_lines_are_counted_wherever_they_are(tmp_path: Path, cut: int, place: int) -> None:
    path = tmp_path / "main.jsonl"
    whole = [lines.dump(replace(SEEN, id=f"{number}")) for number in range(3)]
    whole[place] = whole[place].encode()[: -min(cut, len(whole[place]) - 1)].decode()
    path.write_text("\n".join(whole) + ("" if place == 2 else "\n"))
    found = lines.read(path)
    assert [seen.id for seen in found.observations] == [str(n) for n in range(3) if n != place]
    assert found.torn == [f"{path}:{place + 1}"]


def test_a_line_appended_after_a_torn_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    path.write_bytes(lines.dump(SEEN).encode()[:50] + b"\xc3")
    lines.append(path, SEEN)
    found = lines.read(path)
    assert found.observations == [SEEN]
    assert found.torn == [f"{path}:1"]


def test_what_began_and_did_not_end_is_unfinished(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    ended = replace(BEGUN, id="1")
    for line in (BEGUN, ended, replace(SEEN, id="1")):
        lines.append(folder / "main.jsonl", line)
    assert lines.read_folder(tmp_path).unfinished == [BEGUN]


def test_the_environment_is_the_same_in_two_reads_and_names_what_matters() -> None:
    here = environment()
    again = Environment.from_json(json.loads(json.dumps(here.to_json())))
    assert (again, again.digest) == (here, here.digest)
    assert here.describe("openvino").startswith(f"{here.system} {here.machine}, python 3.")
    assert "onnxruntime" not in here.describe("cpu")
    assert "openvino" not in versions("cpu")


def test_a_build_tag_is_no_other_version() -> None:
    here = replace(environment(), libraries={"torch": "2.13.0+cu130"})
    assert here.describe("cpu").endswith("torch 2.13.0")


def test_a_cell_is_chosen_by_the_parameters_of_a_test() -> None:
    assert cell("bert", {}) == Cell("bert", ANY, ANY, "float32")
    assert cell("bert", {"task": "fill-mask", "backend": "cpu", "size": 3}) == Cell(
        "bert", "fill-mask", "cpu"
    )
    with pytest.raises(EvidenceError, match="'backend' must be a string"):
        cell("bert", {"backend": 3})
    with pytest.raises(EvidenceError, match="non-empty"):
        cell("bert", {"task": ""})


def test_a_property_is_named_by_what_chooses_no_cell() -> None:
    assert property_name("test_x", {"task": "a", "backend": "b"}, "a-b") == "test_x"
    assert property_name("test_x", {"task": "a", "size": 3}, "a-3") == "test_x[size=3]"
    assert property_name("test_x", {"task": "a", "image": object()}, "a-grey") == "test_x[a-grey]"


def test_a_file_is_named_without_what_python_cannot_import() -> None:
    assert file_stem("XLM-RoBERTa.v2") == "xlm_roberta_v2"
