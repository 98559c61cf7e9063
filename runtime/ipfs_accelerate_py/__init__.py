"""Generated, proved, fast model skills for every Hugging Face model type."""

from __future__ import annotations

from ipfs_accelerate_py.version import __version__

__all__ = ["__version__"]
