"""Observations as lines of JSON: written one at a time, read even where a killed process has torn some."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from ipfs_accelerate_py import files
from ipfs_accelerate_py.errors import WorkspaceError, unknown
from ipfs_accelerate_py.evidence.cells import EvidenceError
from ipfs_accelerate_py.evidence.environment import Environment
from ipfs_accelerate_py.evidence.observation import KINDS, Collected, Observation, Started


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The environment of one process of one run."""

    run: str
    worker: str
    facts: Environment


Line = Observation | Started | Collected | Surroundings
_Kind = TypeVar("_Kind", Observation, Started, Collected)


@dataclass
class Lines:
    """What some files of evidence hold, in the order of the files and of their lines."""

    observations: list[Observation] = field(default_factory=list)
    started: list[Started] = field(default_factory=list)
    collected: list[Collected] = field(default_factory=list)
    environments: dict[str, Environment] = field(default_factory=dict)
    torn: list[str] = field(default_factory=list)  # "file:line" of each line that is not whole

    def add(self, line: Line) -> None:
        """Put `line` where it belongs."""
        if isinstance(line, Observation):
            self.observations.append(line)
        elif isinstance(line, Started):
            self.started.append(line)
        elif isinstance(line, Collected):
            self.collected.append(line)
        else:
            self.environments[line.facts.digest] = line.facts

    @property
    def unfinished(self) -> list[Started]:
        """Return the tests that began and of which nothing more is known."""
        seen = {observation.id for observation in self.observations}
        return [test for test in self.started if test.id not in seen]


def dump(line: Line) -> str:
    """Return `line` as JSON text without a line break."""
    data: dict[str, Any]
    if isinstance(line, Surroundings):
        facts = line.facts
        data = {"kind": "environment", "run": line.run, "worker": line.worker}
        data |= {"environment": facts.digest, **facts.to_json()}
    elif isinstance(line, Observation):
        data = asdict(line)
    else:
        data = {"kind": type(line).__name__.lower(), **asdict(line)}
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def append(path: Path, line: Line) -> None:
    """Append `line` to the file `path` in one write."""
    files.append_line(path, dump(line))


def load(text: str, *, where: str) -> Line:
    """Return the line that `dump` wrote.

    Raises:
        json.JSONDecodeError: the line is torn.
        EvidenceError: the line is whole and not one of ours; the message begins with `where`.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise EvidenceError(f"{where}: a line of evidence must be a JSON object, not {text[:40]!r}")
    kind = data.get("kind")
    if kind in KINDS:
        return _build(Observation, data, where)
    rest = {key: value for key, value in data.items() if key != "kind"}
    if kind == "started":
        return _build(Started, rest, where)
    if kind == "collected":
        rest["tests"] = tuple(tuple(test) for test in rest.get("tests", ()))
        return _build(Collected, rest, where)
    if kind == "environment":
        return _surroundings(rest, where)
    raise EvidenceError(
        f"{where}: {unknown('kind of line', str(kind), (*KINDS, 'started', 'collected', 'environment'))}"
    )


def read(path: Path) -> Lines:
    """Return what the file `path` holds; see `read_all`."""
    return read_all([path])


def read_folder(folder: Path) -> Lines:
    """Return what all runs under `folder` have left, oldest run first; see `read_all`."""
    return read_all(sorted(folder.glob("*/*.jsonl")))


def read_all(paths: Iterable[Path]) -> Lines:
    """Return what the files hold together.

    A process that is killed while it writes leaves a part of a line, at the end of its file or, where another
    process wrote on, in the middle. The places of such lines are kept in `torn`, and nothing else is lost.

    Raises:
        EvidenceError: a whole line has a key, a kind or a value that is not known.
        WorkspaceError: a file cannot be read.
    """
    found = Lines()
    for path in paths:
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise WorkspaceError(
                f"{path}: cannot be read: {error.strerror}; is it another user's?"
            ) from error
        for number, line in enumerate(raw.split(b"\n"), start=1):
            if not line.strip():
                continue
            try:
                found.add(load(line.decode(), where=f"{path}:{number}"))
            except (json.JSONDecodeError, UnicodeDecodeError):
                found.torn.append(f"{path}:{number}")
    return found


def _surroundings(data: dict[str, Any], where: str) -> Surroundings:
    names = {entry.name for entry in fields(Environment)}
    _require(data, names | {"run", "worker", "environment"}, names | {"run", "worker", "environment"}, where)
    facts = Environment.from_json({name: data[name] for name in names})
    if facts.digest != data["environment"]:
        raise EvidenceError(f"{where}: these facts have the digest {facts.digest}, not {data['environment']}")
    return Surroundings(run=data["run"], worker=data["worker"], facts=facts)


def _require(data: Mapping[str, Any], known: set[str], needed: set[str], where: str) -> None:
    for key in data:
        if key not in known:
            raise EvidenceError(f"{where}: {unknown('key', key, sorted(known))}")
    if missing := sorted(needed - data.keys()):
        raise EvidenceError(f"{where}: key {missing[0]!r} is missing; was this written by another version?")


def _shape(kind: type[Any]) -> tuple[dict[str, tuple[type, ...]], set[str]]:
    """Return the types that each field of `kind` may have in JSON, and the fields that must be there."""
    hints = get_type_hints(kind)
    types = {}
    needed = set()
    for entry in fields(kind):
        parts = (
            get_args(hints[entry.name]) if type(None) in get_args(hints[entry.name]) else (hints[entry.name],)
        )
        plain = tuple(cast("type", get_origin(part) or part) for part in parts)
        types[entry.name] = (*plain, int) if float in plain else plain
        if entry.default is MISSING:  # what is made at construction must be read back, too
            needed.add(entry.name)
    return types, needed


_SHAPES = {kind: _shape(kind) for kind in (Observation, Started, Collected)}


def _build(kind: type[_Kind], data: dict[str, Any], where: str) -> _Kind:
    types, needed = _SHAPES[kind]
    _require(data, set(types), needed, where)
    for name, value in data.items():
        if not isinstance(value, types[name]) or (isinstance(value, bool) and bool not in types[name]):
            expected = " or ".join("null" if part is type(None) else part.__name__ for part in types[name])
            raise EvidenceError(f"{where}: {name} must be {expected}, not {value!r}")
    try:
        return kind(**data)
    except EvidenceError as error:
        raise EvidenceError(f"{where}: {error}") from error
