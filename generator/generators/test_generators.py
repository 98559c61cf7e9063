"""Tests for one model type, written for the backends that are asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from generators.asked import NO_BROWSER, Worker, asked
from generators.output import Written, own, surveyed, templates_of, write, write_conftest
from ipfs_accelerate_generator.fragment import Definition
from ipfs_accelerate_generator.generate import generate
from ipfs_accelerate_generator.make import planned
from ipfs_accelerate_generator.plan import NoTemplate
from ipfs_accelerate_py.errors import BackendError, InputError
from ipfs_accelerate_py.hardware.backend import Backend

BENCHMARK: Final = "benchmark"
VALIDATION: Final = "cross-hardware validation"


class ModelTestGenerator:
    """Writes the tests of one model type, and the skill that they test, into a folder of their own.

    `hardware_backends` limits both to these backends (all, if it is None), and `worker` to those that work here. The
    CPU is always among them: the others are compared with it. Templates come from the folders of the current
    workspace and of the package through the DuckDB file `template_db_path`, which is made if it is not there.
    """

    def __init__(
        self,
        model_type: str,
        hardware_backends: Sequence[str] | None = None,
        output_dir: str | os.PathLike[str] = "test/generated_tests",
        template_db_path: str | os.PathLike[str] = "templates/model_templates.duckdb",
        worker: Worker | None = None,
    ) -> None:
        self.model_type = model_type
        self.output_dir = Path(output_dir)
        self.template_db_path = Path(template_db_path)
        self._asked = asked(hardware_backends, worker, always=(Backend.CPU,))

    @property
    def hardware_backends(self) -> tuple[str, ...]:
        """The backends that tests are written for."""
        return tuple(each.value for each in self._asked.backends)

    def generate_test_files(
        self,
        include_benchmarking: bool = True,
        include_cross_hardware_validation: bool = True,
        include_python_tests: bool = True,
        include_javascript_tests: bool = False,
    ) -> Written:
        """Write `test_hf_<type>.py`, the `hf_<type>.py` that it tests, and a `conftest.py`; return what was written.

        Without benchmarking there is no test that measures a speed, without cross-hardware validation none that
        compares a backend with the eager model on the CPU. The same arguments give the same bytes.

        Raises:
            UnknownName: the model type was not surveyed; the message offers the nearest.
            NoTemplate: nobody wrote a template for its family, its tasks or its tests yet.
            BackendError: JavaScript tests are asked for.
            InputError: no tests are asked for.
            WorkspaceError: a file there is a person's work, or the folder cannot be written.
        """
        if include_javascript_tests:
            raise BackendError(f"JavaScript tests cannot be generated: {NO_BROWSER}; leave them out")
        if not include_python_tests:
            raise InputError("include_python_tests is False, and there are no other tests to generate yet")
        wanted = {BENCHMARK: include_benchmarking, VALIDATION: include_cross_hardware_validation}
        workspace, [stem] = surveyed([self.model_type])
        templates = templates_of(workspace, self.template_db_path)
        plan = planned(workspace.spec_files(stem), templates, backends=self._asked.backends)
        seen: set[str] = set()

        def holds(one: Definition) -> bool:
            kind = _kind(one)
            seen.add(kind)
            return wanted.get(kind, True)

        made = generate(plan, templates, holds=holds)
        if len(made) < 2:
            raise NoTemplate(
                f"{plan.spec.model_type}: there is no template for tests of {plan.spec.family!r} yet"
            )
        command = f"ModelTestGenerator({plan.spec.model_type!r}, ...).generate_test_files(...)"
        named = {"model_type": plan.spec.model_type, "command": command}
        skill, tests = made
        files = (
            write_conftest(self.output_dir),
            write(self.output_dir, own(skill, f"hf_{stem}.py", **named)),
            write(
                self.output_dir,
                own(
                    tests,
                    f"test_hf_{stem}.py",
                    choices=" ".join(sorted(kind for kind in wanted if not wanted[kind])),
                    **named,
                ),
            ),
        )
        lacking = {**self._asked.lacking, **dict.fromkeys(plan.untemplated, "nobody wrote its template yet")}
        for kind in wanted.keys() - seen:
            if wanted[kind]:
                lacking[kind] = f"no template for tests of {plan.spec.family!r} holds any"
        return Written(files, lacking)


def _kind(one: Definition) -> str:
    """Return what a definition of a generated test is for, which what it does tells; "" for anything else."""
    if not one.name.startswith("test_"):
        return ""
    if "evidence.speed(" in one.code:
        return BENCHMARK
    with_eager = ".reference(" in one.code or "lab.eager" in one.code
    return VALIDATION if with_eager and "CELLS" in one.code else ""  # those of the CPU alone cross nothing
