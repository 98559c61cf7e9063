"""Evidence as files for git: one Parquet file per environment, the same bytes for the same evidence.

A file holds what the verdicts of one environment rest on: of every cell the text that was tested last, with
its observations, the tests that its run held and those that never ended. A rebuild gives the same verdicts.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ipfs_accelerate_py import files
from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence.environment import Environment
from ipfs_accelerate_py.registry import results, store, tables
from ipfs_accelerate_py.registry.results import RecordReport

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_FACTS: Final = b"ipfs_accelerate.environment"  # where a file's metadata keeps the environment's facts
_COLUMNS: Final[Mapping[str, str]] = {**tables.OBSERVATION, **tables.BEGUN, **tables.COLLECTED}
_ORDER: Final = ("model_type", "task", "backend", "precision", "slice", "property", "kind", "run", "id")

_LINES = """
WITH wanted AS (
    SELECT model_type, task, backend, precision, slice, environment, run
    FROM subject
    SEMI JOIN current_observation
        USING (model_type, task, backend, precision, slice, environment)
    WHERE environment = $environment
    QUALIFY row_number() OVER (
        PARTITION BY model_type, task, backend, precision ORDER BY seen DESC, slice
    ) = 1
)
SELECT last_observation.* REPLACE (strftime(started, '%Y-%m-%dT%H:%M:%S.%g+00:00') AS started)
FROM last_observation
SEMI JOIN wanted USING (model_type, task, backend, precision, slice, environment)
UNION ALL BY NAME
SELECT begun.* REPLACE (strftime(started, '%Y-%m-%dT%H:%M:%S.%g+00:00') AS started), 'started' AS kind
FROM begun
SEMI JOIN wanted USING (model_type, task, backend, precision, slice, environment)
WHERE id NOT IN (SELECT id FROM observation)
UNION ALL BY NAME
SELECT collected.*, 'collected' AS kind
FROM collected
SEMI JOIN wanted USING (run, model_type, task, backend, precision)
"""


def export(database: Path, folder: Path, *, wait_s: float = store.WAIT_S) -> tuple[Path, ...]:
    """Write `folder`/<environment>.parquet for each environment in `database`; return the files that changed.

    Raises:
        WorkspaceError: the database cannot be read, or the folder not be written.
    """
    changed = []
    with results.connect(database, read_only=True, wait_s=wait_s) as connection:
        found = connection.execute("SELECT digest, facts FROM environment ORDER BY digest").fetchall()
        contents = {
            folder / f"{digest}.parquet": _parquet(_lines(connection, digest), facts)
            for digest, facts in found
        }
    for path, content in contents.items():
        if not path.is_file() or path.read_bytes() != content:
            files.write_atomic(path, content)
            changed.append(path)
    return tuple(changed)


def rebuild(folder: Path, database: Path, *, wait_s: float = store.WAIT_S) -> RecordReport:
    """Bring the evidence in `folder` into `database`, in one transaction; what it knows stays as it is.

    Raises:
        WorkspaceError: the folder has no evidence, a file of it is damaged, or the database cannot be
            written; then nothing was recorded.
    """
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        fix = "give a folder of <environment>.parquet files, as `ipfs-accelerate record --export` writes them"
        raise WorkspaceError(f"{folder}: there is no evidence; {fix}")
    incoming: dict[str, list[pa.Table]] = {"environment": [], "collected": [], "begun": [], "observation": []}
    for path in paths:
        for name, rows in _read(path).items():
            incoming[name].append(rows)
    import pyarrow as pa

    whole = {name: pa.concat_tables(parts) for name, parts in incoming.items()}
    with results.connect(database, wait_s=wait_s) as connection:
        new = results.insert(connection, whole)
    observations = whole["observation"]
    return RecordReport(
        files=len(paths),
        new=new,
        known=observations.num_rows - new,
        runs=tuple(dict.fromkeys(observations["run"].to_pylist())),
        unfinished=tuple(whole["begun"]["node"].to_pylist()),
    )


def _lines(connection: duckdb.DuckDBPyConnection, environment: str) -> pa.Table:
    rows = connection.sql(_LINES, params={"environment": environment}).to_arrow_table()
    ordered = rows.select(list(_COLUMNS)).cast(tables.schema(_COLUMNS))
    return ordered.sort_by([(name, "ascending") for name in _ORDER])


def _parquet(rows: pa.Table, facts: str) -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    known = Environment.from_json(json.loads(facts)).to_json()
    marked = rows.replace_schema_metadata({_FACTS: json.dumps(known, sort_keys=True).encode()})
    pq.write_table(marked, sink, compression="zstd", row_group_size=1 << 20)
    return sink.getvalue()


def _read(path: Path) -> dict[str, pa.Table]:
    """Return the rows of one file, by the table that they belong to."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(io.BytesIO(path.read_bytes()))
        facts = Environment.from_json(json.loads(rows.schema.metadata[_FACTS]))
        rows = rows.select(list(_COLUMNS)).cast(tables.schema(_COLUMNS))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        fix = "restore it from git, or move it away"
        raise WorkspaceError(f"{path}: is not a file of evidence ({_first_line(error)}); {fix}") from error
    kind = rows["kind"]
    collected = rows.filter(pc.equal(kind, "collected")).select(list(tables.COLLECTED))
    begun = rows.filter(pc.equal(kind, "started")).select(list(tables.BEGUN))
    observed = pc.invert(pc.is_in(kind, pa.array(["collected", "started"])))
    return {
        "environment": tables.environments({facts.digest: facts}),
        "collected": collected,
        "begun": begun,
        "observation": rows.filter(observed).select(list(tables.OBSERVATION)),
    }


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
