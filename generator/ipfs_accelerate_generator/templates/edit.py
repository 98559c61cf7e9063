"""Putting a text among a workspace's templates: checked first, so that nothing is written if it is wrong."""

from __future__ import annotations

from pathlib import Path

from ipfs_accelerate_generator.render import check
from ipfs_accelerate_generator.sync import sync
from ipfs_accelerate_generator.templates.sources import Template, TemplateError
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.files import write_atomic


def read_file(path: Path) -> str:
    """Return the text of a file that is to become a template.

    Raises:
        WorkspaceError: it cannot be read.
        TemplateError: it is not UTF-8 text.
    """
    try:
        return path.read_bytes().decode().replace("\r\n", "\n")
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be read: {error.strerror or error}; name a file") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"{path}:1: is not UTF-8 text; save it as UTF-8") from error


def put(workspace: Workspace, name: str, text: str) -> Path:
    """Write `text` as the workspace's own template `name`, take it into the store, and return its file.

    Raises:
        TemplateError: the text is not well formed, or no template can be called that; nothing was written.
        WorkspaceError: the workspace cannot be written.
    """
    check(Template(name, text))
    path = workspace.template_file(name)
    write_atomic(path, text)
    sync(workspace)
    return path
