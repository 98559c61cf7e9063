"""Skills for several model types, written for the backends that are asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from generators.asked import Worker, asked
from generators.output import Written, own, surveyed, templates_of, write, write_catalogue
from ipfs_accelerate_generator.catalogue import Entry
from ipfs_accelerate_generator.make import make
from ipfs_accelerate_py.errors import AccelerateError


class SkillsError(AccelerateError, RuntimeError):
    """Skills that could not be generated, each with its reason; `written` is what was, all the same."""

    def __init__(self, message: str, written: Written) -> None:
        super().__init__(message)
        self.written = written


class SkillGenerator:
    """Writes the skills of several model types, and a catalogue of them, into a folder of their own.

    `model_families` are model types, such as "bert" and "t5". `hardware_backends` limits the skills to these backends
    (all, if it is None), and `worker` to those that work here. Templates come from the folders of the current
    workspace and of the package through the DuckDB file `template_db_path`, which is made if it is not there.
    """

    def __init__(
        self,
        model_families: Sequence[str],
        hardware_backends: Sequence[str] | None = None,
        output_dir: str | os.PathLike[str] = "test/generated_skills",
        template_db_path: str | os.PathLike[str] = "templates/skill_templates.duckdb",
        worker: Worker | None = None,
    ) -> None:
        self.model_families = tuple(model_families)
        self.output_dir = Path(output_dir)
        self.template_db_path = Path(template_db_path)
        self._asked = asked(hardware_backends, worker)

    @property
    def hardware_backends(self) -> tuple[str, ...]:
        """The backends that skills are written for."""
        return tuple(each.value for each in self._asked.backends)

    def generate_all_skills(self) -> Written:
        """Write `hf_<type>.py` for each model type, and `catalogue.json`; return what was written.

        What nobody wrote a template for yet is told as lacking. One type's failure stops no other.

        Raises:
            UnknownName: a model type was not surveyed; the message offers the nearest, and nothing was written.
            SkillsError: some of them failed; the others are written.
            WorkspaceError: the folder or the store of templates cannot be written.
        """
        workspace, stems = surveyed(self.model_families)
        templates = templates_of(workspace, self.template_db_path)
        files: list[Path] = []
        entries: dict[str, Entry] = {}
        lacking = dict(self._asked.lacking)
        errors: list[str] = []
        for stem in stems:
            made = make(workspace.spec_files(stem), templates, backends=self._asked.backends)
            if made.error:
                errors.append(made.error)
                continue
            if made.entry is None:
                lacking[stem] = made.lacking
                continue
            lacking |= {
                f"{made.model_type} {task}": "nobody wrote its template yet" for task in made.untemplated
            }
            command = f"SkillGenerator([{made.model_type!r}], ...).generate_all_skills()"
            skill = own(made.modules[0], f"hf_{stem}.py", model_type=made.model_type, command=command)
            try:
                files.append(write(self.output_dir, skill))
            except AccelerateError as error:
                errors.append(str(error))
                continue
            entries[made.model_type] = made.entry
        if entries:
            files.append(write_catalogue(self.output_dir, entries))
        written = Written(tuple(files), lacking)
        if errors:
            raise SkillsError("\n".join(errors), written)
        return written
