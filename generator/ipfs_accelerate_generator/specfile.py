"""Specs and findings as TOML: reading says file, line and fix for what is wrong; writing is stable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias, TypeVar

import tomlkit

from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_generator.spec import (
    Head,
    Limits,
    ModelSpec,
    Processing,
    Processors,
    Seen,
    Unproved,
    file_stem,
)
from ipfs_accelerate_generator.tensor import Tensor
from ipfs_accelerate_generator.tomlsource import KeyPath, TomlSource
from ipfs_accelerate_generator.values import SpecError
from ipfs_accelerate_py.errors import unknown
from ipfs_accelerate_py.hardware.backend import Backend

Refuse: TypeAlias = "Callable[[KeyPath, str], NoReturn]"
Noun = TypeVar("Noun")

_PARTS: Final[Mapping[str, type]] = {
    "limits": Limits,
    "processors": Processors,
    "processing": Processing,
    "seen": Seen,
}


def read_spec(surveyed: Path, override: Path | None = None) -> ModelSpec:
    """Return the model type that `surveyed` describes, with what `override` says instead.

    Raises:
        SpecError: a file is missing, torn or says something that cannot be; file, line and fix.
    """
    first = _source(surveyed, keys=_keys(ModelSpec) - {"reason", "where"})
    second = None if override is None else _source(override, keys=_keys(ModelSpec) - {"where"})
    data = first.data
    if second is not None:
        if "reason" not in second.data:
            second.refuse((), "key 'reason' is missing; say why in one line: reason = \"...\"")
        if second.data.get("model_type", first.data.get("model_type")) != first.data.get("model_type"):
            second.refuse(("model_type",), f"model_type differs from that of {surveyed}; make them equal")
        data = _merged(data, second.data)

    def refuse(key: KeyPath, fact: str) -> NoReturn:
        for source in (second, first):
            if source is not None and source.has(here := _in_source(source, data, key)):
                source.refuse(here, fact)
        first.refuse(key[:-1] if first.has(key[:-1]) else (), fact)

    values = dict(data)
    for name, noun in _PARTS.items():
        values[name] = _build(noun, data.get(name, {}), (name,), refuse)
    values["heads"] = tuple(
        _build(Head, _with_tensors(table, place, refuse), ("heads", place), refuse)
        for place, table in enumerate(data.get("heads", []))
    )
    values["unproved"] = tuple(
        _build(Unproved, table, ("unproved", place), refuse)
        for place, table in enumerate(data.get("unproved", []))
        if not any(head.task == table["task"] for head in values["heads"])  # an override made it run
    )
    return _build(ModelSpec, values | {"where": str(surveyed)}, (), refuse)


def read_findings(path: Path) -> tuple[Finding, ...]:
    """Return what `path` says was found, in its order.

    Raises:
        SpecError: the file is missing, torn or says something that cannot be; file, line and fix.
    """
    source = TomlSource.read(path)
    _check_keys(source, (), source.data, {"model_type", "finding"})
    if "model_type" not in source.data:
        source.refuse((), "key 'model_type' is missing; name the type that these findings are about")
    tables = source.data.get("finding", [])
    _check_tables(source, ("finding",), tables, _keys(Finding), needed="task")
    return tuple(
        _build(Finding, table, ("finding", place), source.refuse) for place, table in enumerate(tables)
    )


def write_surveyed(spec: ModelSpec) -> str:
    """Return the text of the surveyed file for `spec`: the same text for the same spec."""
    command = " ".join(
        ["ipfs-accelerate survey", spec.model_type, *(f"--import {name}" for name in spec.imports)]
    )
    head = (
        f"# Surveyed from transformers by `{command}`.\n"
        f"# Machine-written: correct a fact in model_specs/overrides/{spec.stem}.toml.\n"
    )
    always = ("imports", "limits", "processors")
    said = {key: value for key, value in _said(spec, always=always).items() if key not in ("reason", "where")}
    return head + tomlkit.dumps(said)


def write_findings(model_type: str, findings: Iterable[Finding]) -> str:
    """Return the text of the findings file for `model_type`, sorted by task, backend and precision."""
    file_stem(model_type)  # refuses what is no model type
    said: dict[str, object] = {"model_type": model_type}
    if entries := [_said(finding, always=("precision",)) for finding in sorted(findings, key=_order)]:
        said["finding"] = entries
    return "# What the evidence says; written by `ipfs-accelerate adopt`.\n" + tomlkit.dumps(said)


def _order(finding: Finding) -> tuple[str, int, str, int, str, str]:
    backend, effect = list(Backend).index(finding.backend), list(Effect).index(finding.effect)
    return finding.task, backend, finding.precision, effect, finding.slice, finding.evidence


# --- reading


def _keys(noun: type) -> set[str]:
    return {entry.name for entry in fields(noun)}


def _source(path: Path, *, keys: set[str]) -> TomlSource:
    """Return the file, with every key known and every part a table, so that it can be merged."""
    source = TomlSource.read(path)
    _check_keys(source, (), source.data, keys)
    for name, noun in _PARTS.items():
        part = source.data.get(name, {})
        if not isinstance(part, dict):
            source.refuse((name,), f"{name} is {part!r}; give a table")
        _check_keys(source, (name,), part, _keys(noun))
    if not isinstance(source.data.get("tiny", {}), dict):
        source.refuse(("tiny",), f"tiny is {source.data['tiny']!r}; give a table")
    heads = source.data.get("heads", [])
    _check_tables(source, ("heads",), heads, _keys(Head), needed="task")
    for place, head in enumerate(heads):
        if any(head["task"] == other["task"] for other in heads[:place]):
            source.refuse(("heads", place, "task"), f"task {head['task']!r} has two heads; keep one")
        _check_tables(source, ("heads", place, "tensors"), head.get("tensors", []), _keys(Tensor))
    _check_tables(source, ("unproved",), source.data.get("unproved", []), _keys(Unproved), needed="task")
    return source


def _check_tables(
    source: TomlSource, where: KeyPath, tables: object, keys: set[str], *, needed: str = ""
) -> None:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        name = ".".join(key for key in where if isinstance(key, str))
        source.refuse(where, f"{name} is {tables!r}; give tables, each under [[{name}]]")
    for place, table in enumerate(tables):
        _check_keys(source, (*where, place), table, keys)
        if needed and needed not in table:
            source.refuse((*where, place), f"key {needed!r} is missing")


def _check_keys(source: TomlSource, where: KeyPath, table: Mapping[str, object], keys: set[str]) -> None:
    for key in table:
        if key not in keys:
            source.refuse((*where, key), str(unknown("key", key, sorted(keys))))


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return `first` with the values of `second` in their places; heads are matched by task."""
    merged = dict(first)
    for key, value in second.items():
        if key == "heads":
            heads = {head["task"]: head for head in first.get("heads", [])}
            for head in value:
                heads[head["task"]] = _merged(heads.get(head["task"], {}), head)
            merged[key] = list(heads.values())
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def _in_source(source: TomlSource, merged: Mapping[str, Any], key: KeyPath) -> KeyPath:
    """Return where `source` says what stands under `key` in the merged data; it numbers its heads itself."""
    if len(key) < 2 or key[0] != "heads" or not isinstance(key[1], int):
        return key
    tasks = [head["task"] for head in source.data.get("heads", [])]
    task = merged["heads"][key[1]]["task"]
    return ("heads", tasks.index(task) if task in tasks else len(tasks), *key[2:])


def _with_tensors(head: dict[str, Any], place: int, refuse: Refuse) -> dict[str, Any]:
    tensors = enumerate(head.get("tensors", []))
    return head | {
        "tensors": tuple(
            _build(Tensor, table, ("heads", place, "tensors", at), refuse) for at, table in tensors
        )
    }


def _build(noun: type[Noun], table: Mapping[str, Any], where: KeyPath, refuse: Refuse) -> Noun:
    """Return `noun` made of `table`; what it refuses is refused again with file and line."""
    values = dict(table)
    for entry in fields(noun):  # type: ignore[arg-type]  # every noun is a dataclass
        if entry.name not in values and entry.default is MISSING and entry.default_factory is MISSING:
            refuse((*where, entry.name), f"key {entry.name!r} is missing")
        if str(entry.type).startswith("tuple[") and isinstance(values.get(entry.name), list):
            values[entry.name] = tuple(values[entry.name])
    try:
        return noun(**values)
    except SpecError as error:
        refuse((*where, *error.key), str(error))


# --- writing


def _said(noun: object, *, always: Iterable[str] = ()) -> dict[str, Any]:
    """Return what `noun` says beyond its defaults as TOML can hold it; the fields in `always` are kept."""
    said: dict[str, Any] = {}
    for entry in fields(noun):  # type: ignore[arg-type]  # every noun is a dataclass
        default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
        value = getattr(noun, entry.name)
        if value != default or entry.name in always:
            said[entry.name] = _plain(value)
    return said


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return _said(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, StrEnum) else value
