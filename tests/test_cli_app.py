"""The program around the commands: help, errors, exit codes, commands from elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ipfs_accelerate_py.cli.app import main
from ipfs_accelerate_py.cli.commands import COMMANDS, EXTRAS
from ipfs_accelerate_py.version import __version__

PLUGIN = """
import typer
from ipfs_accelerate_py.errors import AccelerateError

def register(app: typer.Typer) -> None:
    @app.command()
    def refuse() -> None:
        "Refuse."
        raise AccelerateError("model.toml:3: key 'x' is not known; [remove] it")

    @app.command()
    def interrupt() -> None:
        "Be interrupted."
        raise KeyboardInterrupt

    @app.command()
    def stumble() -> None:
        "Have a bug."
        raise ZeroDivisionError("a bug")

    @app.command()
    def talk() -> None:
        "Say more than a pipe holds."
        for number in range(100_000):
            print(number)
"""


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    """An installed distribution with commands of its own; the environment in which it is found."""
    (tmp_path / "somebody.py").write_text(PLUGIN)
    info = tmp_path / "somebody-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ipfs_accelerate.commands]\nsomebody = somebody:register\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}


def program(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ipfs_accelerate_py.cli.app", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def test_the_help_lists_the_commands_in_the_order_of_the_loop(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "] == [
        command.name for command in COMMANDS
    ]


@pytest.mark.parametrize("arguments", [["--help"], ["hardware", "--help"], ["cache", "--help"]], ids=" ".join)
def test_help_loads_no_library_that_only_a_command_needs(arguments: list[str]) -> None:
    heavy = ["torch", "transformers", "openvino", "onnxruntime", "duckdb", "pyarrow", "libcst", "black"]
    code = (
        "import sys\nfrom ipfs_accelerate_py.cli.app import main\n"
        f"code = main({arguments!r})\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "[]")


def test_every_command_whose_libraries_are_installed_explains_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in COMMANDS:
        assert main([command.name, "--help"]) == 0
        assert capsys.readouterr().out.startswith(f"Usage: ipfs-accelerate {command.name} ")


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if command.extras], ids=lambda known: known.name
)
def test_a_command_without_its_libraries_says_what_to_install(
    command: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    extras = ",".join(command.extras)
    for extra in command.extras:
        monkeypatch.setitem(sys.modules, EXTRAS[extra][0], None)  # Python's own way to say: not installed
    assert main(["--help"]) == 0
    assert f"(needs [{extras}])" in " ".join(capsys.readouterr().out.split())
    assert main([command.name, "bert", "--all"]) == 1
    assert f"python -m pip install 'ipfs_accelerate_py[{extras}]'" in capsys.readouterr().err


def test_commands_from_elsewhere_come_last_and_run(plugin: dict[str, str]) -> None:
    listed = program("--help", env=plugin).stdout
    assert listed.index("  template ") < listed.index("  refuse ") < listed.index("  talk ")


def test_a_refusal_is_one_sentence_on_stderr_and_exit_code_1(plugin: dict[str, str]) -> None:
    done = program("refuse", env=plugin)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: model.toml:3: key 'x' is not known; [remove] it\n"


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(["--debug"], {}), ([], {"IPFS_ACCELERATE_DEBUG": "1"})],
    ids=["option", "variable"],
)
def test_debugging_shows_the_traceback(
    arguments: list[str], variables: dict[str, str], plugin: dict[str, str]
) -> None:
    done = program(*arguments, "refuse", env=plugin | variables)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")


def test_a_bug_is_not_dressed_up_as_a_refusal(plugin: dict[str, str]) -> None:
    done = program("stumble", env=plugin)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("ZeroDivisionError: a bug\n")


def test_an_interruption_says_how_to_go_on_and_exits_with_130(plugin: dict[str, str]) -> None:
    done = program("interrupt", env=plugin)
    assert done.returncode == 130
    assert done.stderr.startswith("interrupted; ")
    assert "Traceback" not in done.stderr


def test_a_reader_who_leaves_early_is_no_error(plugin: dict[str, str]) -> None:
    command = [sys.executable, "-m", "ipfs_accelerate_py.cli.app", "talk"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=plugin, text=True
    ) as talking:
        assert talking.stdout is not None
        assert talking.stderr is not None
        assert talking.stdout.readline() == "0\n"
        talking.stdout.close()
        assert talking.stderr.read() == ""


@pytest.mark.parametrize("arguments", [["hardwear"], ["hardware", "--jsn"], ["cache", "prune"]], ids=" ".join)
def test_wrong_usage_is_exit_code_2_with_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("Usage: ipfs-accelerate")


def test_a_misspelt_command_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hardwear"]) == 2
    assert "Did you mean 'hardware'?" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ipfs-accelerate {__version__}\n"


def test_hardware_prints_a_row_or_an_object_for_each_backend(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hardware", "cpu", "webgpu", "--json"]) == 0
    objects = json.loads(capsys.readouterr().out)
    assert [probe["backend"] for probe in objects] == ["cpu", "webgpu"]
    assert main(["hardware", "cpu", "webgpu"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:2] for row in rows] == [
        ["backend", "here"],
        ["cpu", "yes" if objects[0]["available"] else "no"],
        ["webgpu", "no"],
    ]
