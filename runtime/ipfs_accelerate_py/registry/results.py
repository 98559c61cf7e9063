"""The database of results: observations come in, in one transaction, as often as one likes."""

from __future__ import annotations

import contextlib
import importlib.resources
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence import lines
from ipfs_accelerate_py.evidence.cells import EvidenceError
from ipfs_accelerate_py.evidence.lines import Lines
from ipfs_accelerate_py.evidence.observation import Observation, Started
from ipfs_accelerate_py.evidence.profile import remember
from ipfs_accelerate_py.registry import store, tables

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MADE_BY = "ipfs-accelerate record"

# One statement per table; `incoming` is the Arrow table of new rows.
_INSERT: Mapping[str, str] = {
    "environment": "INSERT INTO environment BY NAME SELECT * FROM incoming ON CONFLICT DO NOTHING",
    "collected": "INSERT INTO collected BY NAME SELECT * FROM incoming ON CONFLICT DO NOTHING",
    "begun": (
        "INSERT INTO begun BY NAME SELECT * REPLACE (started::TIMESTAMP AS started) FROM incoming"
        " ON CONFLICT DO NOTHING"
    ),
    "observation": (
        "INSERT INTO observation BY NAME"
        " SELECT incoming.* REPLACE ("
        "   incoming.started::TIMESTAMP AS started, coalesce(incoming.test, begun.test) AS test"
        " ) FROM incoming LEFT JOIN begun USING (id) ON CONFLICT DO NOTHING"
    ),
}


@dataclass(frozen=True)
class RecordReport:
    """What recording has done."""

    files: int
    new: int
    """Observations that were not in the database yet."""
    known: int
    runs: tuple[str, ...]
    unfinished: tuple[str, ...]
    """Tests that began and of which nothing more is known."""
    torn: tuple[str, ...] = ()
    """Lines that a stopped process left half written: file and line."""
    wrong: tuple[str, ...] = ()
    """Whole lines that are not observations: file, line and reason."""


def migrations() -> Traversable:
    """Return the folder of the migrations of the results."""
    return importlib.resources.files("ipfs_accelerate_py.registry") / "migrations" / "results"


@contextlib.contextmanager
def connect(
    database: Path, *, read_only: bool = False, wait_s: float = store.WAIT_S
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection to the results in `database`; see `store.connect`."""
    with store.connect(
        database, migrations(), read_only=read_only, wait_s=wait_s, made_by=MADE_BY
    ) as connection:
        yield connection


def record(
    paths: Iterable[Path], database: Path, *, profile: Path | None = None, wait_s: float = store.WAIT_S
) -> RecordReport:
    """Bring what the files `paths` hold into `database`, in one transaction; what it knows stays as it is.

    Speeds, memory and crashes also go into the machine's profile, if its file is given.

    Raises:
        WorkspaceError: a file cannot be read, or the database is held by another process, damaged or not
            writable; then nothing was recorded.
    """
    chosen = tuple(paths)
    found, wrong = read(chosen)
    incoming = {
        "environment": tables.environments(found.environments),
        "collected": tables.collected(found.collected),
        "begun": tables.begun(found.started),
        "observation": tables.observations(found.observations, found.started),
    }
    with connect(database, wait_s=wait_s) as connection:
        new = insert(connection, incoming)
    if profile is not None:
        remember(found.observations, path=profile)
    return RecordReport(
        files=len(chosen),
        new=new,
        known=len(found.observations) - new,
        runs=tuple(dict.fromkeys(line.run for line in found.observations)),
        unfinished=tuple(test.node for test in found.unfinished),
        torn=tuple(found.torn),
        wrong=tuple(wrong),
    )


def insert(connection: duckdb.DuckDBPyConnection, incoming: Mapping[str, pa.Table]) -> int:
    """Add the rows that are not there yet, all or none; return how many observations were new."""
    with store.transaction(connection):
        before = _count(connection)
        for name, rows in incoming.items():
            connection.register("incoming", rows)
            connection.execute(_INSERT[name])
            connection.unregister("incoming")
        return _count(connection) - before


def read(paths: Iterable[Path]) -> tuple[Lines, list[str]]:
    """Return what the files hold, and for each whole line that is wrong a sentence: file, line and reason.

    Raises:
        WorkspaceError: a file cannot be read.
    """
    found, wrong = Lines(), []
    for path in paths:
        try:
            raw = path.read_bytes()
        except OSError as error:
            fix = "give files of JSON lines, as `ipfs-accelerate test` leaves them under observations/"
            raise WorkspaceError(f"{path}: cannot be read: {error.strerror}; {fix}") from error
        for number, line in enumerate(raw.split(b"\n"), start=1):
            if not line.strip():
                continue
            where = f"{path}:{number}"
            try:
                found.add(_load(line, where))
            except (json.JSONDecodeError, UnicodeDecodeError):
                found.torn.append(where)
            except EvidenceError as error:
                wrong.append(str(error))
    return found, wrong


def _load(raw: bytes, where: str) -> lines.Line:
    line = lines.load(raw.decode(), where=where)
    if isinstance(line, Observation | Started):
        try:
            datetime.fromisoformat(line.started)
        except ValueError as error:
            raise EvidenceError(
                f"{where}: started must be a time in ISO 8601, not {line.started!r}"
            ) from error
    return line


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    [(count,)] = connection.execute("SELECT count(*) FROM observation").fetchall()
    return int(count)
