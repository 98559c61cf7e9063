"""A vendored folder: its files, and how it takes the place of an earlier one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import keyword
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ipfs_accelerate_generator.vendor.needed import RUNTIME, Needed, Source
from ipfs_accelerate_generator.vendor.readme import readme
from ipfs_accelerate_generator.vendor.requirements import by_extra, license_text, words
from ipfs_accelerate_generator.vendor.written import FOLDER, extras_named, parts, written
from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence.slices import RUNTIME as RUNTIME_FOLDER
from ipfs_accelerate_py.files import folder_atomic
from ipfs_accelerate_py.skills.catalogue import Entry, find
from ipfs_accelerate_py.version import __version__

MARKER: Final = "vendored.json"

# What a caller names beside the skill itself, and where that is defined.
_FACE: Final = {
    "AccelerateError": f"{RUNTIME}.errors",
    "Checkpoint": f"{RUNTIME}.skills.checkpoint",
    "Handler": f"{RUNTIME}.skills.handler",
}
_MADE_BY: Final = "ipfs-accelerate vendor"
_NOTICE: Final = "# Part of {module} {version}, Apache-2.0; its imports were changed.\n"
_BANNER: Final = (
    "# A copy by `ipfs-accelerate vendor {model_type}`: yours to change. README.md says how to use it.\n"
)
_INIT: Final = '''\
"""A skill for checkpoints of the model type {model_type!r}; README.md says what it needs and how to use it."""

from __future__ import annotations

{imports}
from .{module} import SKILL

__all__ = ["SKILL", {names}]
'''


@dataclass(frozen=True)
class Vendored:
    """What was written where: the number of files, and how many lines of code of how many."""

    model_type: str
    folder: Path
    files: int
    skill_lines: int
    runtime_lines: int
    of_runtime_lines: int


def vendor(model_type: str, folder: Path, *, root: Path | None = None, force: bool = False) -> Vendored:
    """Write the skill of `model_type`, and what it needs of the runtime, as a folder that can be imported.

    It is the skill of the workspace at `root`, if that has one. With `force` a vendored folder is replaced although
    somebody changed it; one that was not vendored never is.

    Raises:
        UnknownName: there is no such skill; the message names the nearest.
        WorkspaceError: the folder's name cannot be imported, or the folder must not or cannot be written.
    """
    final = folder.resolve()
    _check_name(final)
    entry = find(model_type, root)
    _check_place(final, force=force)
    files = contents(final.name, entry)
    _write(final, files)
    lines = {path: text.count("\n") for path, text in files.items() if path.endswith(".py")}
    runtime = sum(count for path, count in lines.items() if path.startswith(f"{FOLDER}/"))
    whole = sum(path.read_bytes().count(b"\n") for path in RUNTIME_FOLDER.rglob("*.py"))
    return Vendored(entry.model_type, folder, len(files), lines[f"{entry.file.stem}.py"], runtime, whole)


def contents(name: str, entry: Entry) -> dict[str, str]:
    """Return the files of a vendored folder called `name`, text by path: the same for the same sources, always."""
    if not entry.file.is_file():
        raise WorkspaceError(f"{entry.file}: is gone; run `ipfs-accelerate generate {entry.model_type}`")
    skill = Source(entry.file.stem, entry.file)
    needed = Needed(skill, RUNTIME_FOLDER)
    needed.add(skill.name, skill.definitions)
    for each, module in _FACE.items():
        needed.add(module, [each])
    extras = extras_named(needed)
    if missing := sorted(extras - words().keys()):
        raise WorkspaceError(
            f"{entry.file}: needs the extra {missing[0]!r}, which the installed {RUNTIME} does not know; install it "
            "again with pip, so that its metadata are those of its sources"
        )
    files = {
        f"{skill.name}.py": _BANNER.format(model_type=entry.model_type) + written(skill, needed, words())
    }
    for source in needed.sources:
        if source is not skill:
            notice = _NOTICE.format(module=source.name, version=__version__)
            files["/".join(parts(source.name)) + ".py"] = notice + written(source, needed, words())
    for package in sorted({path.rpartition("/")[0] for path in files} - {""}):
        files.setdefault(
            f"{package}/__init__.py", f'"""Parts of {RUNTIME}, cut to what {skill.name} needs."""\n'
        )
    files |= {
        "__init__.py": _init(entry, skill),
        "py.typed": "",
        "README.md": readme(name, entry, skill, extras),
        "LICENSE": license_text(),
    }
    facts = {
        "made_by": _MADE_BY,
        "version": __version__,
        "model_type": entry.model_type,
        "files": {path: _digest(text.encode()) for path, text in sorted(files.items())},
    }
    return files | {MARKER: json.dumps(facts, indent=1) + "\n"}


def _init(entry: Entry, skill: Source) -> str:
    imports = [f"from .{'.'.join(parts(module))} import {name}" for name, module in _FACE.items()]
    names = ", ".join(f'"{name}"' for name in _FACE)
    return _INIT.format(
        model_type=entry.model_type, imports="\n".join(imports), module=skill.name, names=names
    )


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _check_name(final: Path) -> None:
    """Refuse a folder that could not be imported, or that would hide a module that it needs itself."""
    name = final.name
    if not name.isidentifier() or keyword.iskeyword(name):
        raise WorkspaceError(f"{final}: {name!r} cannot be imported; give a name such as my_skill")
    libraries = {each.name.replace("-", "_") for needed in by_extra().values() for each in needed}
    if name in {*sys.stdlib_module_names, *libraries, RUNTIME}:
        raise WorkspaceError(f"{final}: would hide the module {name}, which is needed; give another name")


def _check_place(final: Path, *, force: bool) -> None:
    """Refuse a folder that is not ours to replace."""
    if Path.cwd().is_relative_to(final):
        raise WorkspaceError(f"{final}: is the current folder, or one above it; name a folder in it")
    if not final.exists():
        return
    if not final.is_dir():
        raise WorkspaceError(f"{final}: is a file; name a folder")
    present = {
        path.relative_to(final).as_posix(): path
        for path in final.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    if not present:
        return
    digests = _digests(final)
    if digests is None:
        raise WorkspaceError(f"{final}: is not empty, and `{_MADE_BY}` did not make it; name another folder")
    changed = [
        path
        for path, sum_ in digests.items()
        if path not in present or _digest(present[path].read_bytes()) != sum_
    ]
    changed += sorted(present.keys() - digests.keys() - {MARKER})
    if changed and not force:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise WorkspaceError(
            f"{final}: {', '.join(changed[:3])}{more} changed since it was vendored; name another folder, or "
            "give --force to lose the changes"
        )


def _digests(final: Path) -> Mapping[str, str] | None:
    """Return what the files of a vendored folder were; None if it was not vendored."""
    try:
        facts = json.loads((final / MARKER).read_bytes())
        return dict(facts["files"]) if facts["made_by"] == _MADE_BY else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(final: Path, files: Mapping[str, str]) -> None:
    """Write the folder whole; one that was there is moved away just before, and back if that fails."""
    try:
        with contextlib.ExitStack() as finish, folder_atomic(final) as making:
            for path, text in files.items():
                (making / path).parent.mkdir(parents=True, exist_ok=True)
                (making / path).write_text(text, encoding="utf-8")
            if final.exists():
                aside = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".part", dir=final.parent))
                finish.callback(_done_with, aside, final)
                final.rename(aside / final.name)
    except OSError as error:
        raise WorkspaceError(
            f"{final}: cannot be written: {error.strerror or error}; name another folder with -o"
        ) from error


def _done_with(aside: Path, final: Path) -> None:
    """Delete the folder that was replaced, or put it back if nothing took its place."""
    if not final.exists():
        (aside / final.name).rename(final)
    shutil.rmtree(aside, ignore_errors=True)
