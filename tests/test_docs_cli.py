"""The reference of the command line is the program's own help, of every command."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest
from docs_pages import ROOT, pages

from ipfs_accelerate_py.cli.commands import COMMANDS


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """The script that writes the page."""
    spec = importlib.util.spec_from_file_location("make_cli", ROOT / "docs" / "make_cli.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_page_is_the_help_of_every_command(maker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")  # put back afterwards, for the script sets it
    told = (ROOT / "docs" / "cli.md").read_text()
    assert told == maker.page(), "the help has changed; run: python docs/make_cli.py"


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_every_command_has_its_section_and_examples(name: str, maker: ModuleType) -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    for path in [name, *(f"{name} {inner}" for inner in maker.inner_commands(name))]:
        title = f"{'###' if ' ' in path else '##'} ipfs-accelerate {path}\n"
        assert title in text
        section = text.split(title, 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]
        if not maker.inner_commands(name) or " " in path:
            assert "Example" in section
            assert f"ipfs-accelerate {path}" in section.split("Example", 1)[1]


def test_every_command_is_named_on_another_page_too() -> None:
    text = "".join(page.read_text() for page in pages() if page.name != "cli.md")
    assert [command.name for command in COMMANDS if f"`{command.name}" not in text] == []
