"""The template store: texts that never change, a history that stays, and a file that can be lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from small_templates import TEXTS, workspace

from ipfs_accelerate_generator.sync import sync
from ipfs_accelerate_generator.templates.edit import put
from ipfs_accelerate_generator.templates.sources import Template, TemplateError
from ipfs_accelerate_generator.templates.store import Source, TemplateStore
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.errors import UnknownName, WorkspaceError
from ipfs_accelerate_py.locations import templates_file

CPU = "hardware/cpu"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return workspace(tmp_path)


def store(place: Workspace) -> TemplateStore:
    return TemplateStore(templates_file(place.root), wait_s=0.2)


def test_what_the_store_gives_back_is_what_the_folders_hold(place: Workspace) -> None:
    templates, changes = sync(place)
    assert {each.name: each.text for each in templates} == TEXTS
    assert len(changes.added) == len(TEXTS) + 1  # and the spec
    again, none = sync(place)
    assert again == templates
    assert not none


def test_a_workspace_s_own_template_goes_before_the_package_s_and_its_removal_brings_that_back(
    place: Workspace,
) -> None:
    sync(place)
    put(place, CPU, TEXTS[CPU] + "\n\nMORE = 1\n")
    assert "MORE" in sync(place)[0][CPU].text
    place.template_file(CPU).unlink()
    templates, changes = sync(place)
    assert changes.replaced == (f"template {CPU}",)
    assert templates[CPU].text == TEXTS[CPU]


def test_history_keeps_every_text_with_the_order_in_which_it_was_seen(place: Workspace) -> None:
    sync(place)
    texts = [TEXTS[CPU], *(TEXTS[CPU] + f"\n\nX = {number}\n" for number in (1, 2, 1))]
    for text in texts[1:]:
        put(place, CPU, text)
    history = store(place).history(CPU)
    assert [each.text for each in history] == texts
    assert [each.sequence for each in history] == sorted(each.sequence for each in history)
    assert history[1].digest == history[3].digest


def test_a_template_that_is_gone_stays_in_the_history(place: Workspace) -> None:
    put(place, "hardware/mine", "X = 1\n")
    place.template_file("hardware/mine").unlink()
    _, changes = sync(place)
    assert changes.removed == ("template hardware/mine",)
    assert [each.text for each in store(place).history("hardware/mine")] == ["X = 1\n", None]


def test_a_name_that_was_never_seen_gets_the_nearest(place: Workspace) -> None:
    sync(place)
    with pytest.raises(UnknownName, match="did you mean 'hardware/cpu'"):
        store(place).history("hardware/cpuu")


def test_nothing_is_written_when_one_template_is_not_well_formed(place: Workspace) -> None:
    sync(place)
    before = store(place).history(CPU)
    place.template_file(CPU).parent.mkdir(parents=True)
    place.template_file(CPU).write_text("X = 1\n")
    place.template_file("hardware/openvino").write_text('X = "{{spec.title}}"\n')
    with pytest.raises(TemplateError, match=r"^templates/hardware/openvino.py.jinja:1: '\{\{' in a string"):
        sync(place)
    assert store(place).history(CPU) == before


def test_a_text_that_is_not_well_formed_is_not_put_into_the_workspace(place: Workspace) -> None:
    with pytest.raises(TemplateError):
        put(place, CPU, "def f(:\n")
    assert not place.template_file(CPU).exists()


def test_a_template_that_is_not_text_is_refused_with_its_line(place: Workspace) -> None:
    path = place.template_file(CPU)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x = 1\ny = '\xff'\n")
    with pytest.raises(TemplateError, match=r"cpu.py.jinja:2: is not UTF-8"):
        sync(place)


def test_line_ends_do_not_change_a_template(place: Workspace) -> None:
    path = place.template_file(CPU)
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXTS[CPU].replace("\n", "\r\n").encode())
    assert sync(place)[0][CPU].text == TEXTS[CPU]


@pytest.mark.parametrize("damage", [b"", b"not a database", b"\x00" * 5000])
def test_a_damaged_or_deleted_store_is_made_again(place: Workspace, damage: bytes) -> None:
    sync(place)
    path = templates_file(place.root)
    if damage:
        path.write_bytes(damage)
    else:
        path.unlink()
    templates, changes = sync(place)
    assert {each.name: each.text for each in templates} == TEXTS
    assert bool(changes.notice) == bool(damage)
    assert not sync(place)[1]


HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def test_who_holds_the_store_is_said(place: Workspace) -> None:
    sync(place)
    command = [sys.executable, "-c", HOLD, str(templates_file(place.root))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceError, match=f"process {holder.pid}.*wait for it or stop it"):
            store(place).sync(place.templates(), ())
        holder.communicate("")
    assert not sync(place)[1]


def test_what_was_generated_is_recorded_in_order(place: Workspace) -> None:
    sync(place)
    store(place).record([("a.py", "0" * 12, "1" * 12), ("b.py", "2" * 12, "3" * 12)])
    store(place).record([("a.py", "4" * 12, "5" * 12)])
    store(place).record([])
    import duckdb

    with duckdb.connect(str(templates_file(place.root)), read_only=True) as database:
        rows = database.execute("SELECT sequence, path FROM generation ORDER BY sequence").fetchall()
    assert rows == [(1, "a.py"), (2, "b.py"), (3, "a.py")]


def test_equal_texts_of_different_names_are_kept_once(tmp_path: Path) -> None:
    twins = [Template("hardware/a", "X = 1\n"), Template("hardware/b", "X = 1\n")]
    memory = TemplateStore(tmp_path / "templates.duckdb")
    found, changes = memory.sync(twins, [Source("surveyed", "bert", "X = 1\n")])
    assert [each.text for each in found] == ["X = 1\n", "X = 1\n"]
    assert changes.added == ("template hardware/a", "template hardware/b", "surveyed bert")
