"""Lines of evidence as Arrow tables: the shape in which DuckDB takes them in bulk."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence.environment import Environment
from ipfs_accelerate_py.evidence.observation import Collected, Observation, Started

if TYPE_CHECKING:
    import pyarrow as pa

_CELL = {"model_type": "string", "task": "string", "backend": "string", "precision": "string"}

OBSERVATION: Mapping[str, str] = {
    "id": "string",
    "run": "string",
    "worker": "string",
    "kind": "string",
    **_CELL,
    "property": "string",
    "outcome": "string",
    "difference": "double",
    "tolerance": "double",
    "control": "double",
    "route": "string",
    "seconds": "double",
    "peak_mb": "double",
    "slice": "string",
    "environment": "string",
    "failure": "string",
    "message": "string",
    "started": "string",
    "simulated": "bool",
    "test": "string",
}
BEGUN: Mapping[str, str] = {
    "id": "string",
    "run": "string",
    "worker": "string",
    **_CELL,
    "property": "string",
    "slice": "string",
    "environment": "string",
    "test": "string",
    "node": "string",
    "expected": "bool",
    "started": "string",
}
COLLECTED: Mapping[str, str] = {
    "run": "string",
    **_CELL,
    "property": "string",
    "test": "string",
    "source": "string",
}
ENVIRONMENT: Mapping[str, str] = {"digest": "string", "facts": "string"}


def observations(lines: Iterable[Observation], begun: Iterable[Started] = ()) -> pa.Table:
    """Return one row per observation, with the digest of its test where the test is among `begun`."""
    tests = {line.id: line.test for line in begun}
    return _table(OBSERVATION, [{**asdict(line), "test": tests.get(line.id)} for line in lines])


def begun(lines: Iterable[Started]) -> pa.Table:
    """Return one row per test that began."""
    return _table(BEGUN, [asdict(line) for line in lines])


def collected(lines: Iterable[Collected]) -> pa.Table:
    """Return one row per test that a run's files hold, each once however many workers collected it."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for line in lines:
        for name, task, backend, precision in line.tests:
            row = {"run": line.run, "model_type": line.model_type, "test": line.test, "source": line.source}
            row |= {"task": task, "backend": backend, "precision": precision, "property": name}
            rows[line.run, line.model_type, task, backend, precision, name] = row
    return _table(COLLECTED, list(rows.values()))


def environments(found: Mapping[str, Environment]) -> pa.Table:
    """Return one row per environment, its facts as JSON text."""
    import json

    rows = [
        {"digest": digest, "facts": json.dumps(facts.to_json(), sort_keys=True)}
        for digest, facts in found.items()
    ]
    return _table(ENVIRONMENT, rows)


def schema(columns: Mapping[str, str]) -> pa.Schema:
    """Return `columns` as Arrow knows them."""
    arrow = _arrow()
    types = {"string": arrow.string(), "double": arrow.float64(), "bool": arrow.bool_()}
    return arrow.schema([(name, types[kind]) for name, kind in columns.items()])


def _table(columns: Mapping[str, str], rows: list[dict[str, Any]]) -> pa.Table:
    wanted = schema(columns)
    arrays = {name: [row[name] for row in rows] for name in columns}
    return _arrow().table(arrays, schema=wanted)


def _arrow() -> Any:
    if importlib.util.find_spec("pyarrow") is None:
        fix = "pip install 'ipfs_accelerate_py[registry]'"
        raise WorkspaceError(f"pyarrow is not installed; recording needs it: {fix}")
    import pyarrow as pa

    return pa
