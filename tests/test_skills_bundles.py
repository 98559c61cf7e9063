"""A bundle is whole or absent, whoever makes it and however that ends, and is made once for all who ask."""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tiny_checkpoints import bert, changed, weightless

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.errors import BackendError, BundleError, CheckpointError, WorkspaceError
from ipfs_accelerate_py.skills import bundles
from ipfs_accelerate_py.skills.bundles import bundle, discard, opened, stored
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.graph_source import graph_source

HERE = Path(__file__).parent
POCKET = HERE / "pocket_skill.py"
ASKING = """
import json, sys
from ipfs_accelerate_py.skills import Checkpoint, bundle
made = bundle(Checkpoint(sys.argv[1]), module=sys.argv[2], task="text-classification", backend="openvino")
print(json.dumps([str(made.folder), made.damage()]))
"""
SEED = 20260307  # of the moments at which processes are killed


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "bundles"


@pytest.fixture
def checkpoint(tmp_path):
    return weightless(tmp_path / "checkpoint")


def _bundle(folder, module=POCKET, task="text-classification", backend="openvino"):
    return bundle(Checkpoint(str(folder)), module=str(module), task=task, backend=backend)


def _asking(folder, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", ASKING, str(folder), str(POCKET)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _visible(cache):
    """Return what a reader of the cache finds; every part of it must be whole."""
    found = list(stored())
    assert [made.damage() for made in found] == [[]] * len(found)
    names = [path.name for path in cache.glob("??/*") if path.is_dir() and not path.name.startswith(".")]
    assert sorted(names) == sorted(made.folder.name for made in found)
    return found


def _half_made(cache):
    return list(cache.glob("??/.*.part"))


def test_a_bundle_says_what_it_is_and_holds_what_a_handler_reads(checkpoint, cache):
    (checkpoint / "tokenizer_config.json").write_text("{}")
    made = _bundle(checkpoint)
    assert {path.name for path in made.folder.iterdir()} == {
        "config.json",
        "manifest.json",
        "model.bin",
        "model.xml",
        "tokenizer_config.json",
    }
    assert made.manifest["weights"] == Checkpoint(str(checkpoint)).digest()
    assert (made.manifest["task"], made.manifest["backend"], made.route) == (
        "text-classification",
        "openvino",
        "by hand",
    )
    assert made.manifest["inputs"] == ["words"]
    assert made.manifest["made_with"]["torch"]
    assert made.name == str(checkpoint)
    assert _visible(cache) == [opened(made.folder)]


def test_asking_again_finds_the_same_bundle_and_exports_nothing(checkpoint, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("POCKET_LOG", str(tmp_path / "log"))
    assert _bundle(checkpoint).folder == _bundle(checkpoint).folder
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_equal_checkpoints_share_a_bundle_and_each_keeps_its_name(checkpoint, cache, tmp_path):
    shutil.copytree(checkpoint, tmp_path / "copy")
    first, second = _bundle(checkpoint), _bundle(tmp_path / "copy")
    assert first.folder == second.folder
    assert (first.name, second.name) == (str(checkpoint), str(tmp_path / "copy"))


def test_other_weights_or_another_graph_make_another_bundle(checkpoint, cache, tmp_path):
    module = tmp_path / "pocket_skill.py"
    module.write_text(POCKET.read_text())
    folders = {_bundle(checkpoint, module).folder}
    (checkpoint / "config.json").write_text('{"model_type": "bert", "changed": 1}')
    folders.add(_bundle(checkpoint, module).folder)
    module.write_text(module.read_text().replace('"a graph"', '"another graph"'))
    folders.add(_bundle(checkpoint, module).folder)
    assert len(folders) == 3
    module.write_text(module.read_text().replace("steps that prepare nothing", "steps"))
    assert _bundle(checkpoint, module).folder in folders


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ('return "a graph"', 'return "b graph"', True),
        ('dynamic=("batch", "words")', 'dynamic=("batch",)', True),
        ('outputs=("logits",)', 'outputs=("scores",)', True),
        ('return "by hand"', 'return "by machine"', True),
        ("Return no model: the exporter writes a text.", "Another docstring.", False),
        ('("a sample",)', '("another sample",)', False),
        ("def load_openvino", "def load_openvino_too", False),
        ('MODEL_TYPE = "bert"', 'MODEL_TYPE = "other"  # and a comment', False),
    ],
)
def test_what_shapes_a_graph_is_told_from_what_does_not(old, new, differs):
    text = POCKET.read_text()
    assert old in text
    before, after = (
        graph_source(each, "text-classification", "openvino") for each in (text, text.replace(old, new))
    )
    assert (before != after) == differs


def test_processes_that_ask_at_once_make_one_bundle_and_all_use_it(checkpoint, cache, tmp_path):
    asking = [_asking(checkpoint, POCKET_LOG=str(tmp_path / "log"), POCKET_SLEEP="0.5") for _ in range(3)]
    answers = [process.communicate(timeout=120) for process in asking]
    assert [process.returncode for process in asking] == [0, 0, 0], answers
    assert len({out for out, _ in answers}) == 1
    assert json.loads(answers[0][0])[1] == []
    assert len((tmp_path / "log").read_text().splitlines()) == 1


@pytest.mark.parametrize("victim", ["parent", "child"])
def test_a_kill_at_any_moment_leaves_no_half_bundle_and_the_next_call_succeeds(victim, checkpoint, cache):
    moments = random.Random(SEED + len(victim))
    for _ in range(3):
        with _asking(checkpoint, POCKET_SLEEP="0.3") as asking:
            time.sleep(moments.uniform(0.1, 1.5))
            family = psutil.Process(asking.pid)
            orphans = family.children(recursive=True)
            for process in [family] if victim == "parent" else orphans:
                # A process that ended by itself after it was listed needs no kill.
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            _, err = asking.communicate(timeout=120)
        if victim == "child" and asking.returncode:
            assert "BundleError" in err
            assert "crashed (SIGKILL)" in err
            assert not _half_made(cache)
        _visible(cache)
        _, alive = psutil.wait_procs(orphans, timeout=30)
        assert not alive, "an export went on for nobody"
        for made in stored():
            discard(made)
    assert _bundle(checkpoint).damage() == []
    assert not _half_made(cache)
    assert len(_visible(cache)) == 1


def test_a_half_made_folder_with_its_manifest_is_not_seen(checkpoint, cache):
    made = _bundle(checkpoint)
    half = made.folder.with_name(f".{made.folder.name}.abc.part")
    made.folder.rename(half)
    assert list(stored()) == []
    assert _bundle(checkpoint).folder == made.folder
    assert not half.exists()


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("raise", "ValueError: a layer that nobody knows"),
        ("segfault", r"crashed \(SIGSEGV\)"),
        ("exit", "ended with exit code 7"),
    ],
)
def test_an_export_that_ends_badly_says_how_and_leaves_nothing(end, words, checkpoint, cache, monkeypatch):
    monkeypatch.setenv("POCKET_END", end)
    with pytest.raises(
        BundleError, match=rf"the export of text-classification for openvino failed: .*{words}"
    ):
        _bundle(checkpoint)
    assert not _half_made(cache)
    assert not _visible(cache)
    monkeypatch.delenv("POCKET_END")
    assert _bundle(checkpoint).damage() == []


def test_damage_is_found_byte_by_byte_and_file_by_file(checkpoint, cache):
    made = _bundle(checkpoint)
    path = made.path("model.bin")
    whole = path.read_bytes()
    assert made.damage() == []
    for place in (0, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert made.damage() == [f"{path}: differs from what was exported"]
    path.write_bytes(whole[:-1])
    assert made.damage() == [f"{path}: differs from what was exported"]
    path.unlink()
    assert made.damage() == [f"{path}: is missing"]
    with pytest.raises(BundleError, match=r"model\.bin is gone; run `ipfs-accelerate cache prune"):
        made.path("model.bin")


@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"format": 0}', "\udcff"])
def test_a_manifest_that_cannot_be_read_is_named_with_what_to_do(manifest, checkpoint, cache):
    made = _bundle(checkpoint)
    (made.folder / "manifest.json").write_bytes(manifest.encode("utf-8", "surrogateescape"))
    with pytest.raises(BundleError, match=r"manifest\.json: .*delete the folder, and it is made again"):
        _bundle(checkpoint)
    shutil.rmtree(made.folder)
    assert _bundle(checkpoint).damage() == []


def test_a_bundles_folder_is_itself_a_checkpoint_and_needs_no_weights(checkpoint, cache, tmp_path):
    made = _bundle(checkpoint)
    moved = shutil.copytree(made.folder, tmp_path / "elsewhere")
    shutil.rmtree(checkpoint)
    shutil.rmtree(cache)
    assert _bundle(moved).folder == moved
    assert not cache.exists()  # nothing was made
    with pytest.raises(
        BundleError, match="is a bundle for text-classification on openvino, not for fill-mask on"
    ):
        _bundle(moved, task="fill-mask")


def test_without_its_weights_a_checkpoint_finds_no_bundle(checkpoint, cache):
    """A bundle is found by the contents of the weights; who wants to delete them keeps the bundle's folder."""
    _bundle(checkpoint)
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
        _bundle(checkpoint)


def test_a_bundle_that_was_used_counts_as_used(checkpoint, cache):
    made = _bundle(checkpoint)
    os.utime(made.folder / "manifest.json", (1000, 1000))
    _bundle(checkpoint)
    assert made.used > 1000
    os.utime(made.folder / "manifest.json", (1000, 1000))
    _bundle(made.folder)  # by its own folder, too
    assert made.used > 1000


def test_reading_a_bundle_is_not_using_it_and_the_least_recently_used_is_listed_first(
    checkpoint, cache, tmp_path
):
    older, newer = _bundle(checkpoint), _bundle(weightless(tmp_path / "other", changed=1))
    for used, made in ((2000, newer), (1000, older)):
        os.utime(made.folder / "manifest.json", (9000 - used, used))  # the time of access says the opposite
    assert [made.folder for made in stored()] == [older.folder, newer.folder]
    assert [made.damage() for made in stored()] == [[], []]
    assert [made.used for made in stored()] == [1000, 2000]
    _bundle(checkpoint)
    assert [made.folder for made in stored()] == [newer.folder, older.folder]


def test_a_discarded_bundle_is_gone_and_can_be_made_again(checkpoint, cache):
    made = _bundle(checkpoint)
    discard(made)
    assert not _visible(cache)
    assert opened(made.folder) is None
    assert _bundle(checkpoint).damage() == []


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_behind(checkpoint, cache, tmp_path):
    limit = 300  # bytes of any one file, as a disk that is full would have it; a manifest has more

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing fails instead of ending the process

    asking = subprocess.run(
        [sys.executable, "-c", ASKING, str(checkpoint), str(POCKET)],
        env={**os.environ, "POCKET_BYTES": "10", "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=full,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asking.returncode == 1
    assert "WorkspaceError" in asking.stderr
    assert "File too large" in asking.stderr
    assert not _visible(cache)
    assert not _half_made(cache)


def test_an_exporter_on_a_full_disk_says_so(checkpoint, cache, tmp_path):
    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    asking = subprocess.run(
        [sys.executable, "-c", ASKING, str(checkpoint), str(POCKET)],
        env={**os.environ, "POCKET_BYTES": "9000", "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=full,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asking.returncode == 1
    assert "BundleError" in asking.stderr
    assert "File too large" in asking.stderr
    assert not _visible(cache)
    assert not _half_made(cache)


def test_a_cache_that_cannot_be_a_folder_is_a_clear_error(checkpoint, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path / "file"))
    with pytest.raises(WorkspaceError, match=r"file/.*: cannot be written: Not a directory"):
        _bundle(checkpoint)


def test_without_torch_a_bundle_that_is_not_there_says_what_exporting_needs(checkpoint, cache):
    script = f"""
import sys
from importlib.machinery import PathFinder
class Lacking(PathFinder):  # as in an environment in which torch was never installed
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "torch" else PathFinder.find_spec(name, path, target)
sys.meta_path = [Lacking if finder is PathFinder else finder for finder in sys.meta_path]
{ASKING}"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(checkpoint), str(POCKET)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "to export it, torch is needed: python -m pip install 'ipfs_accelerate_py[torch]'" in done.stderr
    assert issubclass(BundleError, RuntimeError)
    assert not issubclass(BundleError, BackendError)


def test_tasks_with_one_graph_share_a_bundle_and_each_answers_from_it(cache, tmp_path):
    folder = changed(
        bert(), tmp_path / "judge", config={"id2label": {0: "contradiction", 1: "neutral", 2: "entailment"}}
    )
    judged = ia.load(str(folder), "text-classification", "openvino")("A cat sat on the mat.")
    asked = ia.load(str(folder), "zero-shot-classification", "openvino")
    ranked = asked("A cat sat on the mat.", candidate_labels=["cats", "rain"])
    assert [made.manifest["task"] for made in stored()] == ["text-classification"]
    assert (judged["task"], ranked["task"]) == ("text-classification", "zero-shot-classification")
    eager = ia.load(str(folder), "zero-shot-classification", "cpu")
    want = eager("A cat sat on the mat.", candidate_labels=["cats", "rain"])
    assert ranked["labels"] == want["labels"]
    assert ranked["scores"] == pytest.approx(want["scores"], abs=1e-5)  # float32 on both sides


def test_what_computes_where_a_model_runs_belongs_to_the_name_of_its_bundle() -> None:
    folder = Path(bundles.__file__).parent
    computing = {
        path.name for path in folder.glob("*.py") if "import torch" in path.read_text(encoding="utf-8")
    }
    assert computing - {"export_server.py"} <= {*bundles._SHAPING}, "a server runs what the others say"
