"""Templates of a skill that only adds numbers, so that a loop over it takes a few seconds and needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from small_templates import SPEC, write_templates

from ipfs_accelerate_generator.specfile import write_surveyed
from ipfs_accelerate_generator.survey.outcome import Outcome
from ipfs_accelerate_generator.survey.report import Report, Request
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.files import write_if_changed

FAMILY = '''"""$title, in sums.

- not offered: $left_out
"""

from __future__ import annotations

from ipfs_accelerate_py.skills import Skill

MODEL_TYPE = {{ spec.model_type | literal }}

HEADS = {
    # % for head in plan.heads
    {{ head.task | literal }}: {{ head.entry }},
    # % endfor
}

SKILL = Skill(
    model_type=MODEL_TYPE,
    family={{ spec.family | literal }},
    heads=HEADS,
    loaders={
        # % for backend in plan.backends
        {{ backend.name | literal }}: {{ backend.loader }},
        # % endfor
    },
    left_out={
        # % for pair in plan.left_out
        ({{ pair.task | literal }}, {{ pair.backend | literal }}): {{ pair.reason | literal }},
        # % endfor
    },
)
'''

TASK = """FILL_MASK = 1.0  # what $task should give
"""

BACKEND = '''def load_{name}(task: str) -> float:
    """Return the sum as the $backend makes it."""
    return HEADS[task] + {error}
'''

TEST = '''"""Properties of the skill for $title."""

from __future__ import annotations

import os
import signal

import pytest

from ipfs_accelerate_skills import hf_stand_in as skill

MODEL_TYPE = {{ spec.model_type | literal }}
CELLS = [(task, backend) for task in skill.HEADS for backend in skill.SKILL.backends(task)]


@pytest.mark.parametrize(("task", "backend"), CELLS)
def test_agrees(task, backend, evidence):
    answer = skill.SKILL.loaders[backend](task)
    if answer == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if answer == 17:
        pytest.skip("not on this machine")
    evidence.difference(abs(answer - skill.HEADS[task]))


@pytest.mark.parametrize(("task", "backend"), CELLS)
def test_zero_is_told_apart(task, backend, evidence):
    if skill.SKILL.loaders[backend](task) == 17:
        pytest.skip("not on this machine")
    evidence.control("zero", 1.0)
'''


def package(folder: Path, **errors: float) -> Path:
    """Make a package of templates in `folder`; each backend's sum is wrong by its error. Return the folder."""
    write_templates(folder, {"families/embedding": FAMILY, "tasks/fill_mask": TASK, "tests/embedding": TEST})
    for name in ("cpu", "openvino", "onnxruntime"):
        backend(folder, name, errors.get(name, 0.0))
    return folder


def backend(folder: Path, name: str, error: float) -> None:
    """Write the template of a backend whose sum is wrong by `error`."""
    text = BACKEND.replace("{name}", name).replace("{error}", repr(error))
    write_templates(folder, {f"hardware/{name}": text})


def survey(
    workspace: Workspace, request: Request, counted: Callable[[int], Callable[[str], None]]
) -> tuple[Outcome, ...]:
    """Survey bert as the small templates know it; anything else fails."""
    step = counted(len(request.model_types))
    outcomes = []
    for name in request.model_types:
        step(name)
        if name != SPEC.model_type:
            outcomes.append(Outcome(Report(name, failure=f"{name}: is no model type"), "", written=False))
            continue
        path = workspace.spec_file("surveyed", name)
        written = write_if_changed(path, write_surveyed(SPEC))
        outcomes.append(Outcome(Report(name), workspace.shown(path), written=written))
    return tuple(outcomes)
