"""From the folders of a workspace to its template store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.templates.store import Changes, Source, TemplateStore
from ipfs_accelerate_generator.workspace import KINDS, Workspace
from ipfs_accelerate_py.locations import templates_file


def sync(workspace: Workspace, store: Path | None = None) -> tuple[Templates, Changes]:
    """Take templates and specs into the store; return the templates to generate from, and what had changed.

    `store` is the database, if it is not the workspace's own.

    Raises:
        TemplateError: a template is not well formed; nothing was written.
        WorkspaceError: another process holds the store, or it cannot be written.
    """
    chosen = store or templates_file(workspace.root)
    return TemplateStore(chosen).sync(workspace.templates(), tuple(_specs(workspace)))


def _specs(workspace: Workspace) -> Iterator[Source]:
    """Yield every spec file as it is, broken ones too: history is for finding out what happened."""
    for stem in workspace.stems:
        files = workspace.spec_files(stem)
        for kind, path in zip(KINDS, (files.surveyed, files.override, files.findings), strict=True):
            if path is not None:
                yield Source(kind, stem, path.read_bytes().decode(errors="replace"))
