"""A backend is chosen by what was measured here, then by what was proved elsewhere, and what is unproved is checked."""

import dataclasses
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_checkpoints import bert, weightless

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.errors import BackendError
from ipfs_accelerate_py.evidence import profile
from ipfs_accelerate_py.evidence.environment import environment
from ipfs_accelerate_py.evidence.observation import Observation
from ipfs_accelerate_py.hardware.backend import EXPORTED
from ipfs_accelerate_py.skills.catalogue import find
from ipfs_accelerate_py.skills.dispatch import ASKED, CHECKED, COMMITTED, MEASURED, UNPROVED, choices

TASK = "text-classification"
HERE = ("cpu", "openvino", "onnxruntime")  # whose libraries are installed where tests run
ELSEWHERE = ("rocm", "mps")  # hardware that no test measured
SUBSETS = st.permutations(HERE + ELSEWHERE).flatmap(
    lambda names: st.integers(0, len(names)).map(lambda count: names[:count])
)
GENERATED = Path(find("bert").file).parent


def _timed(backend, seconds):
    return Observation(
        run="r",
        worker="main",
        kind="test",
        model_type="bert",
        task=TASK,
        backend=backend,
        precision="float32",
        property=profile.SPEED,
        outcome="passed",
        seconds=seconds,
        slice="0" * 12,
        environment=environment().digest,
    )


@pytest.fixture(scope="module", autouse=True)
def _made():
    """Make the checkpoint before a test moves the home in which it lies."""
    bert()


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@settings(max_examples=60, deadline=None)
@given(
    offered=SUBSETS,
    proved=st.sets(st.sampled_from(HERE)),
    speeds=st.dictionaries(st.sampled_from(HERE), st.floats(0.001, 9)),
)
def test_every_backend_that_could_load_comes_once_best_evidence_first(
    offered, proved, speeds, tmp_path_factory
):
    home = tmp_path_factory.mktemp("home")
    before = os.environ["IPFS_ACCELERATE_HOME"]
    os.environ["IPFS_ACCELERATE_HOME"] = str(home)
    try:
        profile.remember([_timed(name, seconds) for name, seconds in speeds.items()])
        entry = dataclasses.replace(
            find("bert"), backends={TASK: tuple(offered)}, proved={TASK: dict.fromkeys(proved, 1e-6)}
        )
        found = list(choices(entry, TASK))
    finally:
        os.environ["IPFS_ACCELERATE_HOME"] = before
    names = [choice.backend for choice in found]
    assert sorted(names) == sorted(name for name in offered if name in HERE)
    reasons = [choice.reason for choice in found]
    assert reasons == sorted(reasons, key=[MEASURED, COMMITTED, UNPROVED].index)
    for choice in found:
        want = MEASURED if choice.backend in speeds else COMMITTED if choice.backend in proved else UNPROVED
        assert choice.reason == want
    measured = [speeds[choice.backend] for choice in found if choice.reason == MEASURED]
    assert measured == sorted(measured)
    for reason in (COMMITTED, UNPROVED):
        kinds = [choice.backend not in EXPORTED for choice in found if choice.reason == reason]
        assert kinds == sorted(kinds)


def test_the_fastest_that_was_measured_here_loads_and_says_so(own_home):
    profile.remember([_timed("cpu", 0.001), _timed("openvino", 0.5)])
    handler = ia.load(str(bert()))
    assert handler.reason == MEASURED
    assert handler("Rain.")["backend"] == "cpu"


def test_a_backend_that_crashed_here_is_not_taken_for_measured(own_home):
    crash = dataclasses.replace(
        _timed("cpu", 0.001), kind="crash", outcome="crashed", started="2100-01-01T00:00:00.000+00:00"
    )
    profile.remember([_timed("cpu", 0.001), crash])
    assert profile.ranking("bert", TASK) == []
    assert all(choice.reason != MEASURED for choice in choices(find("bert"), TASK))


def test_a_backend_that_disagreed_here_comes_last_and_unproved_whatever_was_seen_elsewhere(own_home):
    wrong = dataclasses.replace(
        _timed("openvino", 1.0), property="test_agrees_with_eager_float32_on_the_cpu", outcome="failed"
    )
    profile.remember([_timed("cpu", 0.5), _timed("openvino", 0.001), wrong])
    entry = dataclasses.replace(find("bert"), proved={TASK: dict.fromkeys(HERE, 1e-6)})
    found = [(choice.backend, choice.reason) for choice in choices(entry, TASK)]
    assert found == [("cpu", MEASURED), ("onnxruntime", COMMITTED), ("openvino", UNPROVED)]


def test_a_backend_that_is_asked_for_is_the_one_or_none(own_home):
    profile.remember([_timed("openvino", 0.001)])
    handler = ia.load(str(bert()), backend="cpu")
    assert (handler.place.backend, handler.reason) == ("cpu", ASKED)


def _workspace(folder, *, backends, proved=(), source=lambda text: text):
    """Write a workspace with a bert of its own, made from the generated one."""
    generated = folder / "generated" / "ipfs_accelerate_skills"
    generated.mkdir(parents=True)
    (generated / "hf_bert.py").write_text(source((GENERATED / "hf_bert.py").read_text()))
    entry = json.loads((GENERATED / "catalogue.json").read_text())["bert"]
    entry["backends"][TASK] = list(backends)
    entry["proved"] = {TASK: dict.fromkeys(proved, 1e-6)}
    (generated / "catalogue.json").write_text(json.dumps({"bert": entry}))
    return folder


def _wrong_on_openvino(text):
    """Return the module with an exporter that writes another model than the checkpoint's."""
    begin = text.index("def export_openvino(")
    line = '    model = head.model(checkpoint, dtype="float32", attention="eager")\n'
    place = text.index(line, begin) + len(line)
    return text[:place] + "    model.classifier.weight.data.neg_()\n" + text[place:]


LOADING = """
import json, logging, sys
logging.basicConfig(level=logging.WARNING)
import ipfs_accelerate_py as ia
handler = ia.load(sys.argv[1])
answer = handler("Rain.")
print(json.dumps([answer["backend"], handler.reason, "torch" in sys.modules]))
"""


def _loaded_elsewhere(folder):
    done = subprocess.run(
        [sys.executable, "-c", LOADING, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_a_backend_with_wrong_numbers_is_found_out_left_and_remembered(
    own_home, tmp_path, monkeypatch, caplog
):
    space = _workspace(tmp_path / "space", backends=("openvino", "cpu"), source=_wrong_on_openvino)
    monkeypatch.setenv("IPFS_ACCELERATE_WORKSPACE", str(space))
    with caplog.at_level(logging.WARNING):
        handler = ia.load(str(bert()))
    assert (handler.place.backend, handler.reason) == ("cpu", UNPROVED)
    assert handler("Rain.")["backend"] == "cpu"
    (warned,) = [record.getMessage() for record in caplog.records if "is not used" in record.getMessage()]
    assert "openvino is not used: openvino does not agree with eager float32" in warned
    assert "at most 0.001 is allowed" in warned
    (backend, _, _), log = _loaded_elsewhere(bert())
    assert backend == "cpu"
    assert "openvino does not agree with eager float32" in log
    assert len(list((own_home / "checks").iterdir())) == 1


def test_an_unproved_backend_is_checked_once_and_then_starts_without_torch(tmp_path, monkeypatch):
    space = _workspace(tmp_path / "space", backends=("openvino", "cpu"))
    monkeypatch.setenv("IPFS_ACCELERATE_WORKSPACE", str(space))
    handler = ia.load(str(bert()))
    assert (handler.place.backend, handler.reason) == ("openvino", CHECKED)
    (backend, reason, torch), _ = _loaded_elsewhere(bert())
    assert (backend, reason, torch) == ("openvino", CHECKED, False)


def test_a_cache_that_cannot_be_written_leaves_the_cpu(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv(
        "IPFS_ACCELERATE_WORKSPACE", str(_workspace(tmp_path / "space", backends=("openvino", "cpu")))
    )
    with caplog.at_level(logging.WARNING):
        handler = ia.load(str(bert()))
    assert handler.place.backend == "cpu"
    assert "openvino is not used" in caplog.text
    assert "cannot be written" in caplog.text


def test_an_option_leaves_only_the_backends_that_know_it(tmp_path, monkeypatch):
    monkeypatch.setenv(
        "IPFS_ACCELERATE_WORKSPACE", str(_workspace(tmp_path, backends=("cpu", "openvino"), proved=("cpu",)))
    )
    with pytest.raises(
        BackendError, match=r"cpu has no option 'device'; openvino: OpenVINO has no device 'NPU-9'"
    ):
        ia.load(str(bert()), device="NPU-9")


WITHOUT = """
import sys
from importlib.machinery import PathFinder
LACKING = set(sys.argv[2].split(","))
class Lacking(PathFinder):  # as in an environment in which they were never installed
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in LACKING else PathFinder.find_spec(name, path, target)
sys.meta_path = [Lacking if finder is PathFinder else finder for finder in sys.meta_path]
import ipfs_accelerate_py as ia
try:
    handler = ia.load(sys.argv[1], backend=sys.argv[3] or None)
    print(handler.place.backend)
except ia.AccelerateError as error:
    print(type(error).__name__, error)
"""


def _without(lacking, folder, backend=""):
    command = [sys.executable, "-c", WITHOUT, str(folder), lacking, backend]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("backend", "library", "extra"),
    [("cpu", "torch", "torch"), ("openvino", "openvino", "openvino"), ("onnxruntime", "onnxruntime", "onnx")],
)
def test_a_backend_whose_library_is_absent_says_what_to_install(backend, library, extra, tmp_path):
    said = _without(library, weightless(tmp_path, architectures=["BertModel"]), backend)
    assert said == (
        f"BackendError {backend} is not on this machine: {library} is not installed; "
        f"python -m pip install 'ipfs_accelerate_py[{extra}]'"
    )


def test_without_any_backend_the_error_says_what_to_install(tmp_path):
    said = _without("torch,openvino,onnxruntime", weightless(tmp_path))
    assert said.startswith("BackendError ")
    assert "no backend could load it for feature-extraction" in said
    assert "python -m pip install" in said
