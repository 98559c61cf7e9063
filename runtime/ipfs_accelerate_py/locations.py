"""Where things are kept: what belongs to the machine under `home()`, what belongs to a workspace under its root."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def home() -> Path:
    """Return this user's folder: `$IPFS_ACCELERATE_HOME`, else the platform's cache folder."""
    if chosen := os.environ.get("IPFS_ACCELERATE_HOME"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ipfs-accelerate"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "ipfs-accelerate"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "ipfs-accelerate"


def cache_folder() -> Path:
    """Return the folder of exported bundles."""
    return home() / "bundles"


def probes_file() -> Path:
    """Return the file in which hardware probes are remembered."""
    return home() / "probes.json"


def profile_file() -> Path:
    """Return the file with this machine's own measurements: speeds, memory, crashes."""
    return home() / "profile.json"


def observations_folder(root: Path) -> Path:
    """Return the folder of a workspace in which test processes leave their observations."""
    return root / "observations"


def results_file(root: Path) -> Path:
    """Return a workspace's database of results, which is precious."""
    return root / ".ipfs-accelerate" / "results.duckdb"


def templates_file(root: Path) -> Path:
    """Return a workspace's database of templates."""
    return root / ".ipfs-accelerate" / "templates.duckdb"
