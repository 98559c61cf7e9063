"""Whether this process exports through a server of its own; `export_server.start` sees to it that it does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol


class Server(Protocol):
    """What carries out orders to export in the place of a new process each."""

    @property
    def alive(self) -> bool:
        """Whether it still takes orders."""

    def export(self, order: Mapping[str, Any], *, timeout_s: float) -> str:
        """Carry out one order; return "" or how it failed."""


servers: dict[int, Server] = {}  # by process: a fork must not share the pipes of its parent


def running() -> Server | None:
    """Return the server of this process, if it has one that is alive."""
    server = servers.get(os.getpid())
    return server if server is not None and server.alive else None
