"""The worked examples of the template guide are carried out as they stand there, in a workspace of their own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from docs_pages import ROOT, Block, alike, blocks, run, session, weights

import ipfs_accelerate_py
from ipfs_accelerate_generator.dialect import VARIABLES
from ipfs_accelerate_generator.prose import PLACEHOLDERS
from ipfs_accelerate_generator.rename import _ROLES
from ipfs_accelerate_generator.templates.sources import _KINDS

GUIDE = ROOT / "docs" / "templates.md"
EXAMPLES = sorted({block.section for block in blocks(GUIDE) if block.section.startswith("Worked example")})


def carry_out(block: Block, root: Path) -> None:
    """Do what a block says: write its file, apply its diff, or run its commands and compare what they print."""
    if block.language == "diff":
        apply(block.text, root)
    elif block.language in {"python", "toml"}:
        path = root / block.about
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    elif block.language == "console":
        for command, told in session(block.text):
            path = str(root / "runtime")
            got = run(command, root, PYTHONPATH=path, IPFS_ACCELERATE_HOME=str(root / "home"))
            assert alike(got, told), f"{command} printed\n{got}\nand not\n{told}"


def apply(diff: str, root: Path) -> None:
    """Change the one place of the file named on the first line that has the lines of the diff."""
    head, *lines = diff.splitlines(keepends=True)
    path = root / head.removeprefix("--- ").strip()
    text = path.read_text()
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(before) == 1, f"{path}: these lines are there {text.count(before)} times:\n{before}"
    path.write_text(text.replace(before, after))


def test_there_are_three_worked_examples() -> None:
    assert EXAMPLES == ["Worked example: a backend", "Worked example: a family", "Worked example: a task"]


def test_the_templates_of_the_family_are_those_of_this_tree() -> None:
    shown = [block for block in blocks(GUIDE) if block.section == "Worked example: a family"]
    files = [block for block in shown if block.language == "python"]
    assert len(files) == 2
    for block in files:
        assert block.text == (ROOT / block.about).read_text()


@pytest.mark.parametrize("section", EXAMPLES)
def test_a_worked_example_does_what_the_guide_says(section: str, tmp_path: Path) -> None:
    (tmp_path / "all-MiniLM-L6-v2").symlink_to(weights())
    package = Path(ipfs_accelerate_py.__file__).parent
    shutil.copytree(package, tmp_path / "runtime" / package.name, ignore=shutil.ignore_patterns("*.pyc"))
    for block in blocks(GUIDE):
        if block.section == section:
            carry_out(block, tmp_path)


def test_the_guide_names_every_placeholder_folder_variable_and_stand_in() -> None:
    text = GUIDE.read_text()
    names = {f"${name}" for allowed in PLACEHOLDERS.values() for name in allowed}
    assert {name for name in names if not re.search(rf"`{re.escape(name)}`", text)} == set()
    assert {name for names in VARIABLES.values() for name in names if f"`{name}`" not in text} == set()
    assert {name for name in _ROLES if f"`{name}`" not in text} == set()
    first = {parts[0] for parts in _KINDS} - {"web"}  # no template is there yet
    assert {folder for folder in first if f"`{folder}/" not in text} == set()


def test_the_refusal_that_the_guide_shows_is_the_real_one(tmp_path: Path) -> None:
    from ipfs_accelerate_generator.render import check
    from ipfs_accelerate_generator.templates.sources import Template, TemplateError

    [told] = [block.text.strip() for block in blocks(GUIDE) if block.language == "text"]
    lines = 15 * "\n"
    with pytest.raises(TemplateError) as raised:
        check(Template("tasks/fill_mask", f"{lines}x = '{{{{spec.title}}}}'\n"))
    assert str(raised.value) == told
