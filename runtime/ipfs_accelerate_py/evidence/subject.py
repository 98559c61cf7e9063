"""The subject of a file of generated tests: which model type, which text, under which digests."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

from ipfs_accelerate_py.errors import UnknownName
from ipfs_accelerate_py.evidence.cells import ANY, Cell, EvidenceError
from ipfs_accelerate_py.evidence.digests import digest
from ipfs_accelerate_py.evidence.environment import versions
from ipfs_accelerate_py.evidence.slices import slice_digest, suite_digest


@dataclass(frozen=True)
class Subject:
    """A module under test and the file that tests it."""

    model_type: str
    module: Path
    suite: Path

    @cached_property
    def source(self) -> str:
        """Return the text of the module as it is on disk.

        Raises:
            EvidenceError: it is missing or no text.
        """
        return _read(self.module)

    @cached_property
    def source_digest(self) -> str:
        """Return the digest of the module's raw text."""
        return digest(self.source)

    @cached_property
    def suite_digest(self) -> str:
        """Return the digest of what the tests run themselves; of the raw text where Python cannot read it."""
        text = _read(self.suite)
        try:
            return suite_digest(text)
        except SyntaxError:
            return digest(text)

    def slice(self, cell: Cell) -> str:
        """Return the digest of the text that a test of `cell` is about.

        A task or backend that the module does not have (a test may ask for one on purpose) stands for all; a
        module that Python cannot read, or that names no tasks, stands for itself as it is written.
        """
        task, backend = cell.task, cell.backend
        for chosen in ((task, backend), (task, ANY), (ANY, backend), (ANY, ANY)):
            try:
                return slice_digest(self.source, *chosen, versions(chosen[1]))
            except UnknownName:
                continue
            except (SyntaxError, EvidenceError):
                break
        return self.source_digest


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise EvidenceError(f"{path}: is not UTF-8 text") from error


def subject(tests: ModuleType) -> Subject | None:
    """Return the subject of an imported module of tests, None if it does not define MODEL_TYPE.

    Raises:
        EvidenceError: it defines MODEL_TYPE but not what it tests.
    """
    model_type = getattr(tests, "MODEL_TYPE", None)
    if not isinstance(model_type, str):
        return None
    skill = getattr(tests, "skill", None)
    source = getattr(tests, "SKILL_SOURCE", None) or getattr(skill, "__file__", None)
    if source is None:
        raise EvidenceError(
            f"{tests.__file__}: defines MODEL_TYPE but not what it tests: import the module as `skill`, or "
            "set SKILL_SOURCE to its path"
        )
    return Subject(model_type, Path(source).resolve(), Path(str(tests.__file__)))


def model_type_of(suite: Path) -> str | None:
    """Return the MODEL_TYPE that a file of tests defines as a literal, without running it."""
    try:
        body = ast.parse(suite.read_text()).body
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None
    for statement in body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            if "MODEL_TYPE" in names and isinstance(statement.value.value, str):
                return statement.value.value
    return None
