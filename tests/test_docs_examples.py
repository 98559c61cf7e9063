"""What the pages show is what happens: sessions in Python, and every command line that a page names."""

from __future__ import annotations

import ast
import doctest
import os
from pathlib import Path

import pytest
from docs_pages import README, ROOT, blocks, commands, name, pages, weights

from ipfs_accelerate_py.cli.app import PROGRAM, application

SESSIONS = [page for page in pages() if any(block.language == "pycon" for block in blocks(page))]
COMMANDS = sorted({tuple(words) for page in pages() for _, words in commands(page)})


def shared(factory: pytest.TempPathFactory) -> Path:
    """The folder of this run, which its worker processes share."""
    base = factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


def test_the_readme_has_a_session_in_python() -> None:
    assert README in SESSIONS


@pytest.mark.parametrize("page", SESSIONS, ids=name)
def test_a_session_in_python_goes_as_the_page_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each page is one session, in a folder with the real weights; both pages share their bundles."""
    (tmp_path / "all-MiniLM-L6-v2").symlink_to(weights())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(shared(tmp_path_factory) / "docs-home"))
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    names: dict[str, object] = {}
    for block in blocks(page):
        if block.language == "pycon":
            test = doctest.DocTestParser().get_doctest(block.text, names, name(page), str(page), block.line)
            runner.run(test, out=told.append, clear_globs=False)
            names = test.globs
    assert runner.summarize(verbose=False).failed == 0, "".join(told)


@pytest.mark.parametrize("page", pages(), ids=name)
def test_python_on_a_page_is_python(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.text, filename=f"{name(page)}:{block.line}")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_that_a_page_names_exists_and_takes_its_options(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.main import get_command

    monkeypatch.chdir(ROOT)
    wanted = next((word for word in words if not word.startswith("-")), None)
    command, given, context = get_command(application(wanted)), list(words), None
    while True:
        context = command.make_context(PROGRAM, given, parent=context)
        if not hasattr(command, "resolve_command"):
            break
        _, command, given = command.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None
