"""Every page can be found from the README, and every link leads somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs_pages import README, ROOT, anchors, links, name, pages


def is_outside(target: str) -> bool:
    return target.startswith(("https://", "http://", "mailto:"))


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_link_within_the_project_leads_to_something(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.target.partition("#")
        if is_outside(link.target):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or not target.is_relative_to(ROOT):
            broken.append(f"{name(page)}:{link.line}: {link.target} is not there")
        elif anchor and anchor not in anchors(target):
            broken.append(f"{name(page)}:{link.line}: {link.target}: there is no such heading")
    assert broken == []


def test_every_page_is_linked_from_the_readme_or_from_a_page_that_is() -> None:
    found, waiting = {README}, [README]
    while waiting:
        page = waiting.pop()
        for link in links(page):
            path = link.target.partition("#")[0]
            target = (page.parent / path).resolve()
            if (
                not is_outside(link.target)
                and target.suffix == ".md"
                and target.is_file()
                and target not in found
            ):
                found.add(target)
                waiting.append(target)
    assert [name(page) for page in pages() if page not in found] == []


def test_every_picture_of_the_pages_is_shown_on_one() -> None:
    shown = {(page.parent / link.target).resolve() for page in pages() for link in links(page)}
    pictures = {path for path in (ROOT / "docs" / "images").iterdir()}
    assert pictures <= shown


def test_the_readme_begins_with_the_two_commands() -> None:
    first = README.read_text().split("\n## ", 1)[0]
    assert first.startswith("# ipfs_accelerate_py\n\n```sh\n")
    for session in ("demo", "tests"):
        assert f"```sh\npython -m pip install nox && nox -s {session}\n```\n" in first


@pytest.mark.parametrize("session", ["demo", "tests", "lint", "types", "check", "wheel", "peers"])
def test_every_session_of_nox_is_described_where_contributors_look(session: str) -> None:
    assert f"| `nox -s {session}` |" in (ROOT / "CONTRIBUTING.md").read_text()
