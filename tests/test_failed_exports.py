"""An export that failed is not tried at every start, and is tried again when there is a reason to."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest
from tiny_checkpoints import bert

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.cli.app import main
from ipfs_accelerate_py.errors import BundleError
from ipfs_accelerate_py.skills import export_server, failed_exports
from ipfs_accelerate_py.skills.catalogue import find

TASK = "text-classification"
RAISING = """
    with open(os.environ["EXPORTS"], "a") as tried:
        tried.write("tried\\n")
    if os.environ.get("BROKEN"):
        raise ValueError(os.environ["BROKEN"])
"""


@pytest.fixture(scope="module", autouse=True)
def _made() -> None:
    """Make the checkpoint before a test moves the home in which it lies; one process does all exports."""
    bert()
    export_server.start()


@pytest.fixture
def tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A workspace whose bert has an OpenVINO exporter that fails if told to; how often it was called."""
    source = Path(find("bert").file)
    text = source.read_text()
    begin = text.index("def export_openvino(")
    body = text.index('"""\n', text.index('"""', begin) + 3) + 4
    text = text[:body] + RAISING + text[body:]
    text = text.replace(
        "from __future__ import annotations\n", "from __future__ import annotations\n\nimport os\n", 1
    )
    folder = tmp_path / "space" / "generated" / "ipfs_accelerate_skills"
    folder.mkdir(parents=True)
    (folder / "hf_bert.py").write_text(text)
    entry = json.loads((source.parent / "catalogue.json").read_text())["bert"]
    entry["backends"][TASK] = ["openvino", "cpu"]
    entry["proved"] = {TASK: {"openvino": 1e-6}}
    (folder / "catalogue.json").write_text(json.dumps({"bert": entry}))
    log = tmp_path / "exports"
    monkeypatch.setenv("IPFS_ACCELERATE_WORKSPACE", str(tmp_path / "space"))
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EXPORTS", str(log))
    monkeypatch.setenv("BROKEN", "a layer that nobody knows")
    return lambda: len(log.read_text().splitlines()) if log.exists() else 0


def chosen(backend: str | None = None) -> str:
    return ia.load(str(bert()), backend=backend).place.backend


def test_the_choice_of_a_backend_passes_over_an_export_that_failed(tries, caplog) -> None:
    assert (chosen(), tries()) == ("cpu", 1)
    with caplog.at_level(logging.WARNING):
        assert (chosen(), tries()) == ("cpu", 1)
    assert "openvino is not used" in caplog.text
    assert (
        "failed before, and nothing has changed since: ValueError: a layer that nobody knows" in caplog.text
    )
    assert "ask for openvino by name to try it again" in caplog.text


def test_who_asks_by_name_gets_another_try_and_its_success_is_everybodys(tries, monkeypatch) -> None:
    chosen()
    with pytest.raises(BundleError, match="for openvino failed: ValueError: a layer"):
        chosen("openvino")
    assert tries() == 2
    monkeypatch.delenv("BROKEN")
    assert (chosen(), tries()) == ("cpu", 2)
    assert (chosen("openvino"), tries()) == ("openvino", 3)
    assert (chosen(), tries()) == ("openvino", 3)


def test_other_versions_of_the_libraries_are_a_reason_to_try_again(tries, monkeypatch) -> None:
    chosen()
    monkeypatch.setattr(failed_exports, "_versions", lambda: {"openvino": "of tomorrow"})
    assert (chosen(), tries()) == ("cpu", 2)


def test_another_exporter_is_a_reason_to_try_again(tries, tmp_path, monkeypatch) -> None:
    chosen()
    module = tmp_path / "space" / "generated" / "ipfs_accelerate_skills" / "hf_bert.py"
    module.write_text(module.read_text().replace('environ.get("BROKEN")', 'environ.get("NOT_SO")'))
    os.utime(module, (1, 1))
    assert (chosen(), tries()) == ("openvino", 2)


def test_pruning_everything_forgets_the_failures(tries) -> None:
    chosen()
    assert main(["cache", "prune", "--all"]) == 0
    assert (chosen(), tries()) == ("cpu", 2)


@pytest.mark.parametrize(
    "words",
    [
        "OSError: [Errno 28] No space left on device",
        "RuntimeError: can't allocate memory",
        "crashed (SIGKILL)",
    ],
)
def test_what_the_state_of_the_machine_ended_is_not_remembered(words: str, tmp_path: Path) -> None:
    failed_exports.remember(tmp_path / "key", words)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_believed_only_by_who_may_choose_and_only_as_long_as_it_can_be_read(
    tmp_path: Path,
) -> None:
    failed_exports.remember(tmp_path / "key", "crashed (SIGSEGV)")
    assert failed_exports.remembered(tmp_path / "key") == ""
    with failed_exports.believed():
        assert failed_exports.remembered(tmp_path / "key") == "crashed (SIGSEGV)"
        assert failed_exports.remembered(tmp_path / "another") == ""
        (tmp_path / f"key{failed_exports.SUFFIX}").write_text("[]")
        assert failed_exports.remembered(tmp_path / "key") == ""
