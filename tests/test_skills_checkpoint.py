"""A folder is a checkpoint, or the error says what it lacks; nothing of it is loaded to tell."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from tiny_checkpoints import weightless

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.locations import home
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.weights import header


@pytest.fixture
def folder(tmp_path):
    return weightless(tmp_path / "whole")


def _sharded(folder, **table):
    (folder / "model.safetensors").unlink()
    for place, name in enumerate(("model-1.safetensors", "model-2.safetensors")):
        save_file({f"weight.{place}": np.zeros(2, dtype=np.float32)}, folder / name)
    written = table or {"weight.0": "model-1.safetensors", "weight.1": "model-2.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": written}))


def test_a_whole_checkpoint_gives_its_type_and_its_weights(folder):
    checkpoint = Checkpoint(str(folder))
    assert checkpoint.model_type == "bert"
    assert [path.name for path in checkpoint.weights()] == ["model.safetensors"]
    assert header(checkpoint.weights()[0]).parameters == 3


@pytest.mark.parametrize(
    ("config", "fact"),
    [
        (None, "config.json is missing"),
        ("{}", "names no model_type"),
        ('{"model_type": 7}', "names no model_type"),
        ("[1]", "holds a list where an object is expected"),
        ("{model_type: bert}", "cannot be read as JSON"),
        ("", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ('{"model_type": 1' + "0" * 5000 + "}", "cannot be read as JSON"),
    ],
)
def test_a_config_that_names_no_type_is_refused(config, fact, folder):
    (folder / "config.json").unlink()
    if config is not None:
        (folder / "config.json").write_text(config)
    with pytest.raises(CheckpointError, match=fact) as caught:
        _ = Checkpoint(str(folder)).model_type
    assert str(folder) in str(caught.value)


def test_bytes_that_are_no_text_are_no_config(folder):
    (folder / "config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CheckpointError, match=r"config\.json: cannot be read as JSON"):
        _ = Checkpoint(str(folder)).config


def test_pickled_weights_alone_are_refused_and_the_error_says_why(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(
        CheckpointError, match=r"pickled weights only \(pytorch_model\.bin\).*any code.*convert"
    ):
        Checkpoint(str(folder)).weights()


def test_a_missing_shard_is_named_even_beside_a_pickle(folder):
    _sharded(folder)
    (folder / "training_args.bin").write_bytes(b"left by a trainer")
    assert len(Checkpoint(str(folder)).weights()) == 2
    (folder / "model-2.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model-2\.safetensors is missing"):
        Checkpoint(str(folder)).weights()


@pytest.mark.parametrize(
    "name",
    ["../outside.safetensors", "sub/inside.safetensors", "/etc/passwd", "..", "", "weights.bin", 7, None],
)
def test_an_index_names_safetensors_files_beside_it_and_nothing_else(name, folder):
    save_file({"weight": np.zeros(2, dtype=np.float32)}, folder.parent / "outside.safetensors")
    _sharded(folder, **{"weight": name})
    with pytest.raises(CheckpointError, match="beside the index"):
        Checkpoint(str(folder)).weights()


@pytest.mark.parametrize("table", [{}, {"weight_map": []}, {"weight_map": {}}, {"weight_map": None}])
def test_an_index_without_a_table_is_refused(table, folder):
    _sharded(folder)
    (folder / "model.safetensors.index.json").write_text(json.dumps({**table, "metadata": {}}))
    with pytest.raises(CheckpointError, match="no weight_map"):
        Checkpoint(str(folder)).weights()


def test_a_single_file_goes_before_an_index_as_in_transformers(folder):
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "gone.safetensors"}}')
    assert [path.name for path in Checkpoint(str(folder)).weights()] == ["model.safetensors"]


def test_a_folder_without_weights_says_so(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing; fetch"):
        Checkpoint(str(folder)).weights()


def test_weights_cut_off_at_any_byte_are_refused(folder):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"damaged or cut off|header announces"):
            Checkpoint(str(folder)).weights()
    path.write_bytes(whole + b"more")
    with pytest.raises(CheckpointError, match="header announces"):
        Checkpoint(str(folder)).weights()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(place=st.integers(0, 79), value=st.integers(0, 255))
def test_a_changed_header_is_read_or_refused_but_never_a_bare_error(place, value, folder):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
        header(path)
    except CheckpointError:
        pass
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    "entry",
    [
        [],
        {"a": 1},
        {"a": {"shape": [3], "data_offsets": ["0", []]}},
        {"a": {"shape": ["x"], "data_offsets": [0, 12]}},
        {"a": {"shape": 3, "data_offsets": [0, 12]}},
        {"a": {"shape": [1e999], "data_offsets": [0, 12]}},
    ],
)
def test_a_header_of_another_make_is_damage(entry, folder):
    text = json.dumps(entry).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(12))
    with pytest.raises(CheckpointError, match="damaged"):
        Checkpoint(str(folder)).weights()


@pytest.mark.parametrize(
    "name", ["a file", "not/a/place", "a b", "../../x", "org/name/more", "", "\0", "~nobody/x/y"]
)
def test_a_name_that_is_neither_folder_nor_hub_id_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").write_text("")
    with pytest.raises(CheckpointError, match=r"no such folder|this is a file"):
        _ = Checkpoint(name).folder


def test_a_hub_id_that_is_not_here_is_refused_where_the_hub_is_switched_off():
    with pytest.raises(CheckpointError, match=r"'nobody/nothing' is no folder here .*HF_HUB_OFFLINE is set"):
        _ = Checkpoint("nobody/nothing").folder


def test_without_huggingface_hub_the_error_says_what_to_install(tmp_path):
    script = """
import sys
from importlib.abc import MetaPathFinder
class Without(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "huggingface_hub":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
Checkpoint("org/name").folder
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "CheckpointError: 'org/name' is no folder here" in done.stderr
    assert "python -m pip install huggingface_hub" in done.stderr


def test_a_manifest_of_somebody_elses_does_not_make_a_folder_a_bundle(folder):
    (folder / "manifest.json").write_text('{"name": "a web page"}')
    assert Checkpoint(str(folder)).manifest == {}
    assert Checkpoint(str(folder)).name == str(folder)


def test_the_digest_follows_the_contents_and_not_the_place(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    first, second = Checkpoint(str(folder)).digest(), Checkpoint(str(tmp_path / "copy")).digest()
    assert first == second
    digests = {first}
    for name, text in (
        ("config.json", '{"model_type": "bert", "a": 1}'),
        ("vocab.txt", "a"),
        ("vocab.txt", "b"),
    ):
        (folder / name).write_text(text)
        digests.add(Checkpoint(str(folder)).digest())
    save_file({"weight": np.arange(1, 4, dtype=np.float32)}, folder / "model.safetensors")
    digests.add(Checkpoint(str(folder)).digest())
    assert len(digests) == 5


def test_a_digest_is_remembered_by_size_and_time(folder):
    weights = folder / "model.safetensors"
    before, times = Checkpoint(str(folder)).digest(), weights.stat()
    with weights.open("r+b") as file:  # the same size and, set back, the same time: nobody could know
        file.seek(-1, os.SEEK_END)
        file.write(b"\x01")
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert Checkpoint(str(folder)).digest() == before
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    assert Checkpoint(str(folder)).digest() != before


@pytest.mark.parametrize("torn", [b"", b"0" * 63, b"\xff" * 64, b"0" * 63 + b"\n", b"z" * 64])
def test_a_torn_memory_of_digests_is_not_believed(torn, folder, tmp_path, monkeypatch):
    # A home of its own: other workers write digests into the common one at the same time.
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path / "home"))
    right = Checkpoint(str(folder)).digest()
    (memory,) = (home() / "digests").iterdir()
    memory.write_bytes(torn)
    assert Checkpoint(str(folder)).digest() == right
    assert memory.read_text() == right
