"""Probes: what they ask, what they conclude, what they remember."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipfs_accelerate_py.errors import BackendError, UnknownName
from ipfs_accelerate_py.hardware import remembered
from ipfs_accelerate_py.hardware.answer import Device, Probe
from ipfs_accelerate_py.hardware.backend import WEB, Backend
from ipfs_accelerate_py.hardware.probe import answer, probe, probes, require
from ipfs_accelerate_py.hardware.report import MATRIX, SQUARE, Report
from ipfs_accelerate_py.locations import probes_file


def works(device: str, name: str = "a device", *, simulated: bool = False) -> dict[str, object]:
    return {"device": {"id": device, "name": name, "memory_bytes": None, "simulated": simulated}}


def test_every_backend_gets_an_answer_and_every_no_has_a_reason_and_a_remedy() -> None:
    found = probes()
    assert tuple(found) == tuple(Backend)
    for name, probed in found.items():
        assert probed.backend is name
        assert probed.available == bool(probed.devices and not probed.reason)
        assert probed.available or (probed.reason and probed.install)


def test_the_processor_multiplied_and_says_with_what() -> None:
    processor = probe("cpu")
    assert [device.id for device in processor.devices] == ["cpu"]
    assert processor.details["library"].split()[0] in {"torch", "numpy"}
    assert processor.available == processor.details["library"].startswith("torch")
    assert int(processor.details["cores"]) >= 1


@pytest.mark.skipif((sys.platform, platform.machine()) == ("darwin", "arm64"), reason="this is such a Mac")
def test_a_backend_of_another_kind_of_machine_is_refused_with_a_sentence() -> None:
    with pytest.raises(BackendError, match=r"^backend 'mps' is not on this machine: .*Apple Silicon.*; use "):
        require("apple")


@pytest.mark.parametrize("name", WEB)
def test_a_browser_backend_says_that_it_comes_later(name: Backend) -> None:
    with pytest.raises(BackendError, match="comes with the browser backends"):
        require(name)


def test_an_unknown_backend_is_refused_before_anything_is_tried() -> None:
    with pytest.raises(UnknownName, match="'cudda' is not known; did you mean 'cuda'"):
        probes(["cpu", "cudda"])


def test_a_device_that_fails_does_not_hide_one_that_works() -> None:
    events = [{"trying": "CPU"}, works("CPU"), {"trying": "GPU"}]
    found = answer(Backend.OPENVINO, events, {"GPU": "crashed (SIGSEGV)"})
    assert found.available
    assert [device.id for device in found.devices] == ["CPU"]
    assert found.details["GPU failed"] == "crashed (SIGSEGV)"


@given(st.lists(st.sampled_from("abc"), unique=True), st.lists(st.sampled_from("abc"), unique=True))
def test_a_backend_is_available_if_and_only_if_a_device_worked(worked: list[str], failed: list[str]) -> None:
    found = answer(
        Backend.CUDA, [works(device) for device in worked], dict.fromkeys(failed, "crashed (SIGBUS)")
    )
    assert {device.id for device in found.devices} == set(worked) - set(failed)
    assert found.available == bool(set(worked) - set(failed)) == (found.reason == "")


@pytest.mark.parametrize("name", ["llvmpipe (LLVM 19, 256 bits)", "Google SwiftShader", "pocl: CPU-znver3"])
def test_software_that_stands_in_for_a_gpu_is_called_simulated(name: str) -> None:
    alone = answer(Backend.OPENVINO, [works("GPU", name)], {})
    beside = answer(Backend.OPENVINO, [works("GPU", name), works("CPU", "AMD EPYC")], {})
    assert alone.simulated
    assert not beside.simulated
    assert [device.simulated for device in beside.devices] == [True, False]


def test_a_wrong_product_is_a_failure_and_not_a_device(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(sys.stdout)
    with pytest.raises(ArithmeticError, match="npu computed"):
        report.works(Device("npu", "an NPU"), MATRIX)
    assert capsys.readouterr().out == ""
    report.works(Device("npu", "an NPU"), SQUARE)
    assert json.loads(capsys.readouterr().out)["device"]["id"] == "npu"


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path))
    return tmp_path


SEEN = Probe(
    Backend.CUDA, available=True, devices=(Device("cuda:0", "a GPU", 10**9),), details={"cuda": "13.0"}
)


@pytest.mark.usefixtures("own_home")
def test_a_probe_is_remembered_as_it_was_until_its_key_changes() -> None:
    remembered.remember({Backend.CUDA: "here"}, {Backend.CUDA: SEEN})
    assert remembered.recall({Backend.CUDA: "here"}) == {Backend.CUDA: SEEN}
    assert remembered.recall({Backend.CUDA: "another driver"}) == {}


@pytest.mark.usefixtures("own_home")
def test_a_crash_is_not_remembered_because_it_may_not_come_again() -> None:
    crashed = answer(Backend.CUDA, [{"trying": "cuda:0"}], {"cuda:0": "crashed (SIGSEGV)"})
    remembered.remember({Backend.CUDA: "here"}, {Backend.CUDA: crashed})
    assert remembered.recall({Backend.CUDA: "here"}) == {}


@pytest.mark.usefixtures("own_home")
@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 1, "probes": {"cuda here": {"backend": "cuda"}}}', "\x00"]
)
def test_a_damaged_memory_is_no_memory(text: str) -> None:
    probes_file().write_text(text)
    assert remembered.recall({Backend.CUDA: "here"}) == {}
    remembered.remember({Backend.CUDA: "here"}, {Backend.CUDA: SEEN})
    assert remembered.recall({Backend.CUDA: "here"}) == {Backend.CUDA: SEEN}


@pytest.mark.usefixtures("own_home")
def test_the_memory_does_not_grow_for_ever() -> None:
    for day in range(remembered.KEPT + 10):
        remembered.remember({Backend.CUDA: f"day {day}"}, {Backend.CUDA: SEEN})
    assert len(json.loads(probes_file().read_text())["probes"]) == remembered.KEPT


def test_a_home_that_cannot_be_written_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path / "file"))
    assert probe("qualcomm", fresh=True).reason
