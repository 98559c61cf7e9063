"""Python environments that hold nothing but what a test names, made in a moment: the libraries are linked in."""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


def environment(folder: Path, *distributions: str) -> Path:
    """Return the Python of a new environment in `folder` with these distributions and what they require."""
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python3*/site-packages"))
    for name in _closure(distributions):
        for entry in _top_entries(metadata.distribution(name)):
            link = site / entry.name
            if not link.exists():
                link.symlink_to(entry)
    return folder / "bin" / "python"


def run(python: Path, script: str, *arguments: str, path: Path, home: Path) -> str:
    """Return what a script prints there, with `path` to import from and `home` for what is exported."""
    given = {"PYTHONPATH": str(path), "IPFS_ACCELERATE_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    kept = {name: os.environ[name] for name in ("PATH", "OMP_NUM_THREADS") if name in os.environ}
    command = [str(python), "-c", script, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**kept, **given}, cwd=path
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _closure(names: tuple[str, ...]) -> Iterator[str]:
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        if name.lower() in seen:
            continue
        seen.add(name.lower())
        try:
            needed = [Requirement(line) for line in metadata.requires(name) or ()]
        except metadata.PackageNotFoundError:
            continue  # of another system, or optional
        yield name
        waiting += [
            each.name for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})
        ]


def _top_entries(distribution: metadata.Distribution) -> set[Path]:
    """Return the files and folders of a distribution at the top of site-packages."""
    site = Path(str(distribution.locate_file("")))
    tops = {file.parts[0] for file in distribution.files or ()}
    return {site / top for top in tops - {"..", "__pycache__"}}
