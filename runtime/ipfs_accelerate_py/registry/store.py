"""A DuckDB file, opened for one operation: numbered migrations, patience with other processes, clear errors.

DuckDB lets one process write a file and, while it does, no other process read it. So nothing here keeps a
file open longer than a `with` block, and whoever finds it taken waits for a while before saying who holds it.

DuckDB's own lock does not keep writers apart: it reads a file's headers, closes the file, opens it again, and only
then locks it (seen with strace in 2.0.0). A process that writes a checkpoint in between leaves the other one with
headers of the past; that one writes on from there, and what the first had committed is gone. So a lock of ours beside
the database is held for as long as it is open for writing, and by readers while they open it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from ipfs_accelerate_py import files
from ipfs_accelerate_py.errors import WorkspaceError

if TYPE_CHECKING:
    import duckdb

WAIT_S = 60.0  # recording a million rows took under ten seconds; a minute of patience is six such turns
_POLL_S = 0.05
_WRITABLE = "make the folder writable, free some space, or choose another with --root"

_HAS_LEDGER = "SELECT 1 FROM duckdb_tables() WHERE table_name = 'migration' AND NOT internal"
_APPLIED = "SELECT coalesce(max(number), 0) FROM migration"
_APPLY = "INSERT INTO migration (number, name) VALUES (?, ?)"
_LEDGER = "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name VARCHAR NOT NULL)"


@dataclass(frozen=True)
class Migration:
    """One numbered step of a schema: `004_add_tables.sql` is number 4."""

    number: int
    name: str
    sql: str


def migrations_in(folder: Traversable) -> tuple[Migration, ...]:
    """Return the migrations of `folder` in order.

    Raises:
        ValueError: a file's name has no number, or the numbers are not 1, 2, 3 and so on.
    """
    steps = []
    for file in folder.iterdir():
        if not file.name.endswith(".sql"):
            continue
        match = re.fullmatch(r"(\d+)_\w+\.sql", file.name)
        if match is None:
            raise ValueError(f"{folder}/{file.name}: a migration is called like 004_add_tables.sql")
        steps.append(Migration(int(match[1]), file.name, file.read_text(encoding="utf-8")))
    steps.sort(key=lambda step: step.number)
    if not steps or [step.number for step in steps] != list(range(1, len(steps) + 1)):
        found = ", ".join(step.name for step in steps) or "none"
        raise ValueError(f"{folder}: migrations are numbered 1, 2, 3 and so on without a gap; found: {found}")
    return tuple(steps)


@contextlib.contextmanager
def connect(
    path: Path,
    migrations: Traversable,
    *,
    read_only: bool = False,
    wait_s: float = WAIT_S,
    made_by: str = "",
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection to the database at `path`, made or brought up to date by `migrations`; then close it.

    Reading a database that does not exist is an error. `made_by` is the command that makes the database, or
    makes it anew where it is damaged: messages name it.

    Raises:
        WorkspaceError: another process holds the file for longer than `wait_s`, the file is damaged, comes
            from a newer version, cannot be written, or is missing although it is only to be read.
    """
    if importlib.util.find_spec("duckdb") is None:
        raise WorkspaceError(
            f"{path}: needs duckdb; install it with: pip install 'ipfs_accelerate_py[registry]'"
        )
    steps = migrations_in(migrations)
    file = _File(path, made_by, wait_s)
    if read_only:
        if not path.exists():
            fix = f"`{made_by}` makes it" if made_by else "nothing has been written there yet"
            raise WorkspaceError(f"{path}: there is no such database; {fix}")
        if not _is_current(file, steps):
            with file.written(steps):
                pass
        with file.read() as connection:
            yield connection
    else:
        with file.written(steps) as connection:
            yield connection


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run a block as one transaction: everything in it is kept, or, if it raises, nothing is."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(_duckdb_error()):  # a commit that failed has rolled back already
            connection.execute("ROLLBACK")
        raise


def _duckdb_error() -> type[Exception]:
    import duckdb

    return duckdb.Error


@dataclass(frozen=True)
class _File:
    path: Path
    made_by: str
    wait_s: float

    @contextlib.contextmanager
    def written(self, steps: tuple[Migration, ...]) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection for writing, to a database that exists and is up to date; nobody else has one meanwhile."""
        with self._turn():
            if not self.path.exists():
                self._create(steps)
            with self._closing(self._opened(read_only=False)) as connection:
                _migrate(connection, self.path, steps)
                yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection for reading; from when it is open DuckDB's own lock keeps writers out."""
        with contextlib.ExitStack() as turn:
            try:
                turn.enter_context(self._turn())
            except WorkspaceError:
                if os.access(self.path.parent, os.W_OK):
                    raise
                # Nobody can write in this folder, so there is nothing to wait for.
            connection = self._opened(read_only=True)
        with self._closing(connection):
            yield connection

    def _turn(self) -> AbstractContextManager[None]:
        return files.lock(self.path.with_name(f".{self.path.name}.lock"), timeout_s=self.wait_s, of=self.path)

    def _create(self, steps: tuple[Migration, ...]) -> None:
        """Make the database beside its path and rename it: a killed process leaves a whole one or none."""
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        made = _File(temporary, "", 0)
        try:
            with made._closing(made._opened(read_only=False)) as connection:
                _migrate(connection, temporary, steps)
            temporary.rename(self.path)
        except OSError as error:
            raise WorkspaceError(
                f"{self.path}: cannot be made: {error.strerror or error}; {_WRITABLE}"
            ) from error
        finally:
            for leftover in (temporary, temporary.with_name(temporary.name + ".wal")):
                with contextlib.suppress(OSError):
                    leftover.unlink()

    def _opened(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Return a connection once nobody else, such as DuckDB's own command line, has the file open."""
        import duckdb

        deadline = time.monotonic() + self.wait_s
        while True:
            try:
                return duckdb.connect(str(self.path), read_only=read_only)
            except duckdb.Error as error:
                if not _is_taken(error) or time.monotonic() >= deadline:
                    raise self._refusal(error) from error
            time.sleep(_POLL_S)

    @contextlib.contextmanager
    def _closing(self, connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
        import duckdb

        try:
            with connection:
                yield connection
        except duckdb.Error as error:
            if isinstance(error, duckdb.IOException) or _is_damaged(error):
                raise self._refusal(error) from error
            raise

    def _refusal(self, error: Exception) -> WorkspaceError:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        if _is_taken(error):
            fact = f"{_holder(first)} has had it open for more than {self.wait_s:g} s"
            return WorkspaceError(f"{self.path}: {fact}; wait for it or stop it")
        if _is_damaged(error):
            fix = f"then `{self.made_by}` makes it anew" if self.made_by else "then run the command again"
            return WorkspaceError(f"{self.path}: is damaged ({first}); move it away, {fix}")
        return WorkspaceError(f"{self.path}: {first}; {_WRITABLE}")


def _is_current(file: _File, steps: tuple[Migration, ...]) -> bool:
    with file.read() as connection:
        return _applied(connection, file.path, steps) == len(steps)


def _applied(connection: duckdb.DuckDBPyConnection, path: Path, steps: tuple[Migration, ...]) -> int:
    """Return how many of `steps` the database has seen; a database without a ledger has seen none."""
    if not connection.execute(_HAS_LEDGER).fetchall():
        return 0
    [(number,)] = connection.execute(_APPLIED).fetchall()
    if number > len(steps):
        fact = f"was written by a newer version (migration {number}; this one knows {len(steps)})"
        raise WorkspaceError(
            f"{path}: {fact}; update ipfs_accelerate_py, or choose another folder with --root"
        )
    return int(number)


def _migrate(connection: duckdb.DuckDBPyConnection, path: Path, steps: tuple[Migration, ...]) -> None:
    applied = _applied(connection, path, steps)
    if applied == len(steps):
        return
    with transaction(connection):
        connection.execute(_LEDGER)
        for step in steps[applied:]:
            connection.execute(step.sql)
            connection.execute(_APPLY, [step.number, step.name])


def _is_taken(error: Exception) -> bool:
    """Whether waiting may help: another process, or this one in another mode, has the file open."""
    text = str(error)
    return "Conflicting lock" in text or "Could not set lock" in text or "different configuration" in text


def _is_damaged(error: Exception) -> bool:
    text = str(error)
    signs = ("Corrupt database", "not a valid DuckDB database", "Could not read enough bytes", "invalidated")
    return any(sign in text for sign in signs)


def _holder(message: str) -> str:
    """Return who holds the file, from DuckDB's message, with its command line where the system tells it."""
    match = re.search(r"PID (\d+)", message)
    if match is None:
        return "another connection"
    try:
        raw = Path("/proc", match[1], "cmdline").read_bytes()
    except OSError:  # it has ended, belongs to someone else, or there is no /proc here
        return f"process {match[1]}"
    command = " ".join(raw.decode(errors="replace").replace("\0", " ").split())
    return f"process {match[1]} ({command[:200]})" if command else f"process {match[1]}"
