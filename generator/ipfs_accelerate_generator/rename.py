"""Real classes for stand-ins: a template says `AutoModelForMaskedLM`, the module says `BertForMaskedLM`.

A stand-in is one of transformers' auto classes, imported from transformers by name, so that a template is
checked by the same tools as any Python file. It names what it stands for; which class that is, and where it
is defined, says the plan. The test of a skill imports `hf_stand_in` from `ipfs_accelerate_skills`. A template that
serves any task says `task_stand_in`, `task_stand_in_model` and `TASK_STAND_IN` for what its task's are called.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import libcst as cst

from ipfs_accelerate_generator.imports import Import, imports_in, statements
from ipfs_accelerate_generator.templates.sources import ComposeError

HOME: Final = "transformers"  # where a template imports its stand-ins from
SKILLS_PACKAGE: Final = "ipfs_accelerate_skills"
SKILL: Final = "hf_stand_in"
TASK: Final = "task_stand_in"

_MODEL = re.compile(r"AutoModel(For[A-Z][A-Za-z0-9]*)?|AutoBackbone")
_ROLES: Final = {
    SKILL: "skill",
    "AutoConfig": "config",
    "AutoTokenizer": "tokenizer",
    "AutoImageProcessor": "image_processor",
    "AutoFeatureExtractor": "feature_extractor",
    "AutoVideoProcessor": "video_processor",
    "AutoProcessor": "processor",
}


@dataclass(frozen=True)
class Origin:
    """A class and the module that defines it."""

    module: str
    name: str


@dataclass(frozen=True, kw_only=True)
class StandIns:
    """What each stand-in of one template stands for; None where the model type has no such class."""

    skill: Origin | None = None
    model: Origin | None = None
    config: Origin | None = None
    tokenizer: Origin | None = None
    image_processor: Origin | None = None
    feature_extractor: Origin | None = None
    video_processor: Origin | None = None
    processor: Origin | None = None
    task: str = ""
    """The task as a Python name: "fill_mask"."""

    def task_name(self, name: str) -> str:
        """Return what `name` is called in the module: "fill_mask_model" for "task_stand_in_model"."""
        if not self.task:
            return name
        return name.replace(TASK, self.task).replace(TASK.upper(), self.task.upper())

    def real(self, name: str) -> Origin | None:
        """Return the class that `name` stands for, or None if `name` is no stand-in.

        Raises:
            ComposeError: it is a stand-in, and the model type has no such class.
        """
        role = _ROLES.get(name) or ("model" if _MODEL.fullmatch(name) else "")
        if not role:
            return None
        found: Origin | None = getattr(self, role)
        if found is None:
            what = role.replace("_", " ")
            raise ComposeError(
                f"{name!r} stands for a {what}, and there is none here; guard it with '# % if'"
            )
        return found


def used_in(text: str) -> bool:
    """Whether `text` may hold a stand-in; a quick look that saves most of the work."""
    return "Auto" in text or SKILL in text or TASK in text or TASK.upper() in text


def renamed(each: Import, names: StandIns) -> Import:
    """Return the import of the class that `each` stands for, or `each` itself."""
    home = SKILLS_PACKAGE if each.name == SKILL else HOME
    if each.module != home or not (real := names.real(each.name)):
        return each
    return replace(each, module=real.module, name=real.name)


class Rename(cst.CSTTransformer):
    """Puts the real classes into a definition: its names, and the imports inside its functions."""

    def __init__(self, names: StandIns) -> None:
        self._names = names

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:  # noqa: D102, N802
        real = self._names.real(updated_node.value)
        name = real.name if real else self._names.task_name(updated_node.value)
        return updated_node if name == updated_node.value else updated_node.with_changes(value=name)

    def visit_Attribute(self, node: cst.Attribute) -> bool:  # noqa: D102, N802
        if self._names.real(node.attr.value):
            raise ComposeError(f"'.{node.attr.value}': import a stand-in from {HOME} by name")
        return True

    def leave_IndentedBlock(  # noqa: D102, N802
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        body: list[cst.BaseStatement] = []
        run: list[Import] = []
        first = 0
        pairs = list(zip(original_node.body, updated_node.body, strict=True))
        for place, (before, after) in enumerate(pairs):
            found = imports_in(before) if isinstance(before, cst.SimpleStatementLine) else None
            if found is not None:
                if not run:
                    first = place
                run += found
                continue
            body += self._flush(run, pairs[first:place])
            run = []
            body.append(after)
        body += self._flush(run, pairs[first:])
        return updated_node.with_changes(body=body)

    def _flush(
        self, run: list[Import], pairs: Sequence[tuple[cst.BaseStatement, cst.BaseStatement]]
    ) -> list[cst.BaseStatement]:
        """Return a run of imports anew if one was renamed, for the order may have changed; else as it was."""
        real = [renamed(each, self._names) for each in run]
        if real == run:
            return [before for before, _ in pairs] if run else []
        head = pairs[0][0]
        leading = head.leading_lines if isinstance(head, cst.SimpleStatementLine) else ()
        made = statements(real)
        return [made[0].with_changes(leading_lines=leading), *made[1:]]
