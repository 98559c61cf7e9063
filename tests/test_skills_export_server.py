"""Exports through a server are those of a process of their own, and what goes wrong in one harms no other."""

import os
import signal
from pathlib import Path

import pytest
from tiny_checkpoints import weightless

from ipfs_accelerate_py.errors import BundleError
from ipfs_accelerate_py.skills import export_server, serving
from ipfs_accelerate_py.skills.bundles import bundle
from ipfs_accelerate_py.skills.checkpoint import Checkpoint

POCKET = Path(__file__).parent / "pocket_skill.py"


@pytest.fixture(scope="module")
def server():
    """A server of this process, ended after the module's tests."""
    export_server.start()
    found = export_server.running()
    assert found is not None
    yield found
    found.stop()


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Export the pocket skill's checkpoint anew under some environment."""
    monkeypatch.setenv("POCKET_LOG", str(tmp_path / "log"))
    checkpoint = Checkpoint(str(weightless(tmp_path / "checkpoint")))

    def ask(home, **environment):
        monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path / home))
        for name in ("POCKET_END", "POCKET_BYTES", "POCKET_SLEEP"):
            (
                monkeypatch.setenv(name, environment.get(name, ""))
                if name in environment
                else monkeypatch.delenv(name, raising=False)
            )
        return bundle(checkpoint, module=str(POCKET), task="text-classification", backend="openvino")

    return ask


def test_a_bundle_is_that_of_a_process_of_its_own(server, asked, monkeypatch):
    through = asked("through", POCKET_BYTES="321")
    monkeypatch.setattr(serving, "servers", {})
    alone = asked("alone", POCKET_BYTES="321")
    assert through.manifest == alone.manifest
    assert (through.folder / "model.bin").stat().st_size == 321


def test_each_export_has_a_process_of_its_own(server, asked, tmp_path):
    asked("first")
    asked("second")
    first, second = (tmp_path / "log").read_text().split()
    assert first != second
    assert str(os.getpid()) not in {first, second}


@pytest.mark.parametrize(
    ("end", "said"),
    [("raise", "ValueError: a layer that nobody knows"), ("segfault", "SIGSEGV"), ("exit", "exit code 7")],
)
def test_an_export_that_ends_badly_says_how_and_the_next_goes_on(server, asked, end, said):
    with pytest.raises(BundleError, match=said):
        asked("bad", POCKET_END=end)
    assert asked("bad").damage() == []


def test_an_export_that_takes_too_long_is_killed(server, asked, monkeypatch):
    monkeypatch.setattr("ipfs_accelerate_py.skills.bundles.EXPORT_TIMEOUT_S", 0.5)
    with pytest.raises(BundleError, match=r"gave no answer within"):
        asked("slow", POCKET_SLEEP="60")
    assert asked("slow").damage() == []


def test_a_server_that_was_killed_is_said_and_exports_go_on_without_it(asked):
    export_server.start()
    lost = export_server.running()
    assert lost is not None
    os.kill(lost.pid, signal.SIGKILL)
    assert lost.export({}, timeout_s=10) == "crashed (SIGKILL)"
    assert asked("found").damage() == []
