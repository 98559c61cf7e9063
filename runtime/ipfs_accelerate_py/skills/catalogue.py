"""Catalogues: which generated module serves a model type, read from a table; no module is imported for it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.errors import WorkspaceError, unknown
from ipfs_accelerate_py.locations import home
from ipfs_accelerate_py.skills.skill import Skill

PACKAGE = "ipfs_accelerate_skills"
FILE = "catalogue.json"


@dataclass(frozen=True)
class Entry:
    """What a catalogue says of one model type; `file` is its module."""

    model_type: str
    file: Path
    family: str
    tasks: Mapping[str, str]  # task -> class of transformers
    backends: Mapping[str, tuple[str, ...]]  # task -> those offered, in order of preference
    limits: Mapping[str, str]  # kind -> field of config.json
    left_out: Mapping[str, Mapping[str, str]]  # task -> backend -> reason
    proved: Mapping[str, Mapping[str, float]]  # task -> backend -> largest difference that was seen
    arrays: Mapping[str, str] = field(
        default_factory=dict
    )  # task -> why it takes arrays: no processor is proved

    def skill(self) -> Skill:
        """Return the skill, importing its module and no other."""
        installed = importlib.util.find_spec(f"{PACKAGE}.{self.file.stem}")
        if installed is not None and installed.origin == str(self.file):
            module = importlib.import_module(f"{PACKAGE}.{self.file.stem}")
        else:
            from ipfs_accelerate_py.skills.export import load_module

            module = load_module(self.file)
        skill: Skill = module.SKILL
        return skill


def folders(root: Path | None = None) -> Iterator[Path]:
    """Yield the folders of generated modules: the workspace's (at `root`, if given), the user's, the package's."""
    workspace = root or Path(os.environ.get("IPFS_ACCELERATE_WORKSPACE") or Path.cwd())
    yield workspace / "generated" / PACKAGE
    yield home() / "skills" / PACKAGE
    package = importlib.util.find_spec(PACKAGE)
    for place in (package.submodule_search_locations or ()) if package else ():
        yield Path(place)


def entries(root: Path | None = None) -> dict[str, Entry]:
    """Return all known model types; where two catalogues name the same, the earlier one counts.

    Raises:
        WorkspaceError: a catalogue cannot be read.
    """
    found: dict[str, Entry] = {}
    for folder in folders(root):
        for model_type, written in _read(folder / FILE).items():
            if model_type not in found:
                found[model_type] = _entry(model_type, written, folder)
    return found


def find(model_type: str, root: Path | None = None) -> Entry:
    """Return the entry of `model_type`, the workspace at `root` first.

    Raises:
        UnknownName: no catalogue has it; the message names the nearest and how to generate it.
    """
    known = entries(root)
    if model_type not in known:
        error = unknown("model type", model_type, known)
        error.args = (f"{error}; to make a skill for it, run `ipfs-accelerate loop {model_type}`",)
        raise error
    return known[model_type]


def _entry(model_type: str, written: Mapping[str, Any], folder: Path) -> Entry:
    try:
        return Entry(
            model_type=model_type,
            file=folder / f"{written['module']}.py",
            family=written["family"],
            tasks=written["tasks"],
            backends={task: tuple(names) for task, names in written["backends"].items()},
            limits=written["limits"],
            left_out=written["left_out"],
            proved=written["proved"],
            arrays=written.get("arrays", {}),
        )
    except (KeyError, TypeError, AttributeError) as error:
        fix = "run `ipfs-accelerate generate --all` to write it again"
        raise WorkspaceError(
            f"{folder / FILE}: the entry of {model_type!r} is incomplete ({error}); {fix}"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise WorkspaceError(
            f"{path}: cannot be read: {error}; run `ipfs-accelerate generate --all`"
        ) from error
    if not isinstance(written, dict):
        raise WorkspaceError(
            f"{path}: is not a catalogue; run `ipfs-accelerate generate --all` to write it again"
        )
    return written
