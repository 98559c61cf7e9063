"""The page about skills says of each task the keys and options that its handler really has."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from docs_pages import ROOT

from ipfs_accelerate_py import errors
from ipfs_accelerate_py.evidence.lab import Lab
from ipfs_accelerate_py.hardware.backend import GENERATED
from ipfs_accelerate_skills import hf_bert, hf_vit

PAGE = (ROOT / "docs" / "skills.md").read_text()
SKILLS = {"bert": hf_bert.SKILL, "vit": hf_vit.SKILL}
MASK = 4  # the mask token of the tests' tokenizer
TASKS = [(model_type, task) for model_type, skill in SKILLS.items() for task in skill.heads]


def section(title: str) -> str:
    """What the page says under the heading `title`."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/skills.md has no heading {title!r}"
    return found[1]


def rows(text: str, first: str) -> Iterator[list[str]]:
    """The rows of the table whose first column is called `first`."""
    is_inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            is_inside = False
        elif is_inside and set(cells[0]) != {"-"}:
            yield cells
        elif cells[0] == first:
            is_inside = True


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def module(model_type: str) -> ModuleType:
    """The generated test of a model type, which knows how to make checkpoints."""
    name = f"test_hf_{model_type}"
    spec = importlib.util.spec_from_file_location(name, ROOT / "generated" / "tests" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lab]:
    found = {}
    for model_type, skill in SKILLS.items():
        suite = module(model_type)
        cases = {task: getattr(suite, task.replace("-", "_").upper()) for task in skill.heads}
        found[model_type] = Lab(skill, cases, suite.write, tmp_path_factory.mktemp(model_type))
    return found


@pytest.mark.parametrize(("model_type", "task"), TASKS)
def test_a_task_gives_the_keys_and_takes_the_options_that_the_page_says(
    model_type: str, task: str, labs: dict[str, Lab]
) -> None:
    handler, case = labs[model_type].handler(task, "cpu"), labs[model_type].bench(task).case
    answer = handler(case.inputs[0], **case.options)
    common = {key for row in rows(section("Asking"), "key") for key in codes(row[0])}
    told = {key for row in rows(section(task), "key") for key in codes(row[0])}
    assert set(answer) - common == told
    assert {key for key in common if key not in answer} == {"notice", "simulated"}
    assert dict(defaults(section(task))) == {
        name: ... if name in handler.steps.required else value
        for name, value in handler.steps.options.items()
    }


def test_the_page_names_the_tasks_that_take_token_ids(labs: dict[str, Lab]) -> None:
    told = re.search(r"if you like; ([^.]*) take it\.", section("Asking"))
    assert told is not None
    taken = []
    for task in SKILLS["bert"].heads:
        handler, case = labs["bert"].handler(task, "cpu"), labs["bert"].bench(task).case
        with contextlib.suppress(errors.InputError):
            handler({"input_ids": [2, MASK, 3]}, **case.options)
            taken.append(task)
    assert sorted(re.split(r",?\s+and\s+|,\s+", told[1])) == sorted(taken)


def defaults(text: str) -> Iterator[tuple[str, Any]]:
    """The options that a section names with their defaults; ... for those that must be given."""
    for names, values, *_ in rows(text, "option"):
        for place, name in enumerate(codes(names)):
            yield name, ... if values == "required" else ast.literal_eval(codes(values)[place])


def test_the_page_tells_of_every_error_and_what_else_it_is() -> None:
    told = {codes(row[0])[0]: codes(row[1])[0] for row in rows(section("Errors"), "error")}
    real = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type)
        and issubclass(kind, errors.AccelerateError)
        and kind is not errors.AccelerateError
    }
    assert told == {name: kind.__mro__[2].__name__ for name, kind in real.items()}


@pytest.mark.parametrize("model_type", SKILLS)
def test_the_page_tells_the_options_of_every_backend(model_type: str) -> None:
    told = {
        name: tuple(codes(row[1])) for row in rows(section("Loading"), "backend") for name in codes(row[0])
    }
    assert told == {backend.value: SKILLS[model_type].options(backend.value) for backend in GENERATED}


def test_the_readme_lists_the_tasks_of_types_and_the_backends_that_there_are() -> None:
    text = (ROOT / "README.md").read_text()
    told = {name: row[1].split(", ") for row in rows(text, "model type") for name in codes(row[0])}
    catalogue = json.loads((Path(str(hf_bert.__file__)).parent / "catalogue.json").read_text())
    assert told == {name: list(catalogue[name]["tasks"]) for name in told}
    assert len(told) == 21, "those whose tests are run each time"
    assert {name for row in rows(text, "backend") for name in codes(row[0])} == {
        each.value for each in GENERATED
    }


def test_there_is_a_generated_module_for_each_type_that_the_page_was_compared_with() -> None:
    folder = Path(str(hf_bert.__file__)).parent
    assert {path.stem.removeprefix("hf_") for path in folder.glob("hf_*.py")} >= set(SKILLS)
