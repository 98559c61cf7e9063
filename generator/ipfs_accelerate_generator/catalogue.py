"""The table of contents of the generated modules, which the runtime reads instead of importing them all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from ipfs_accelerate_generator.given import why, why_pictured
from ipfs_accelerate_generator.modalities import asked, modalities
from ipfs_accelerate_generator.module import SKILLS
from ipfs_accelerate_generator.plan import Plan
from ipfs_accelerate_generator.planned import Pair
from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence.cells import ANY

PATH: Final = f"{SKILLS}/catalogue.json"
NO_TEMPLATE: Final = "nobody wrote a template for it yet"
_DEEPEST: Final = 3
_FIX: Final = "delete it and run: ipfs-accelerate generate --all"

Entry: TypeAlias = dict[str, Any]


def entry(plan: Plan) -> Entry:
    """Return what the catalogue says about the module of `plan`."""
    spec = plan.spec
    limits = {"tokens": spec.limits.tokens, "image": spec.limits.image, "audio": spec.limits.audio}
    return {
        "module": f"hf_{spec.stem}",
        "family": spec.family,
        "tasks": {head.task: head.head.model for head in plan.heads},
        "backends": {head.task: list(head.backends) for head in plan.heads},
        "limits": {name: field for name, field in limits.items() if field},
        "generates": [head.task for head in plan.heads if head.generates or head.rereads],
        **({"carries": carries} if (carries := _carries(plan)) else {}),
        **({"arrays": arrays} if (arrays := _arrays(plan)) else {}),
        **({"rereads": rereads} if (rereads := [head.task for head in plan.heads if head.rereads]) else {}),
        "not_offered": {
            **dict.fromkeys(plan.untemplated, NO_TEMPLATE),
            **{each.task: f"{each.model} could not be run: {each.reason}" for each in spec.unproved},
        },
        "left_out": _table(plan.left_out, lambda pair: pair.reason),
        "proved": _table(plan.proved, lambda pair: pair.difference),
    }


def _arrays(plan: Plan) -> dict[str, str]:
    """Return why each task that is given arrays is not given a text, a picture or a sound: no processor is proved."""
    found = {}
    for head in plan.heads:
        if head.task in (
            *plan.spec.processing.tasks,
            *plan.spec.seen.tasks,
        ):  # transformers' own is, in its test
            continue
        if head.arrays:
            found[head.task] = why(plan.spec, head.head)
        elif head.template.endswith("_arrays"):
            found[head.task] = why_pictured(plan.spec, head.head)
    return found


def _carries(plan: Plan) -> dict[str, list[str]]:
    """Return what each task is asked about, of all that the type takes, which is the union; {} where it takes one.

    The name of a task counts as well as its inputs: where the survey made no picture for a task about pictures, the
    type takes pictures all the same. A task that is given words alone is asked about words; what the type takes beside
    them, and no task is asked about, stands under "*".
    """
    spec = plan.spec
    known = {*spec.modalities}
    found = {head.task: [each for each in modalities([head]) if each in known] for head in spec.heads}
    taken = dict.fromkeys(each for carried in found.values() for each in carried)
    found |= {head.task: ["text"] for head in plan.heads if head.reads_texts and head.task in found}
    for task in (*spec.tasks, *(each.task for each in spec.unproved)):
        found[task] = list(dict.fromkeys((*found.get(task, ()), *asked(task))))
    asked_about = {each for carried in found.values() for each in carried}
    if rest := [each for each in dict.fromkeys((*taken, *spec.modalities)) if each not in asked_about]:
        found[ANY] = rest
    return found if len(asked_about.union(rest)) > 1 else {}


def _table(pairs: tuple[Pair, ...], value: Any) -> dict[str, dict[str, Any]]:
    """Return task -> backend -> value."""
    table: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        table.setdefault(pair.task, {})[pair.backend] = value(pair)
    return table


def text(entries: Mapping[str, Entry]) -> str:
    """Return the file with `entries` by model type, in their order."""
    return _written(dict(sorted(entries.items())), 0) + "\n"


def _written(value: Any, level: int) -> str:
    """Return `value` as JSON with one line for each fact about each task, so that a diff is read at a glance."""
    if not isinstance(value, dict) or not value or level == _DEEPEST:
        return json.dumps(value, ensure_ascii=False)
    indent = "  " * (level + 1)
    lines = (
        f"{indent}{json.dumps(key, ensure_ascii=False)}: {_written(item, level + 1)}"
        for key, item in value.items()
    )
    return "{\n" + ",\n".join(lines) + f"\n{'  ' * level}}}"


def read(path: Path) -> dict[str, Entry]:
    """Return the entries of the file at `path` by model type; none if there is no file.

    Raises:
        WorkspaceError: the file is not a catalogue.
    """
    try:
        said = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be read: {error.strerror or error}; {_FIX}") from error
    except ValueError as error:
        raise WorkspaceError(f"{path}: is not JSON ({error}); {_FIX}") from error
    if not isinstance(said, dict) or not all(isinstance(each, dict) for each in said.values()):
        raise WorkspaceError(f"{path}: is not a catalogue; {_FIX}")
    return said


def merged(
    before: Mapping[str, Entry], made: Mapping[str, Entry], *, folder: Path, stems: frozenset[str]
) -> dict[str, Entry]:
    """Return `before` with what was `made`, and without the types whose spec or module is gone."""
    modules = {each["module"] for each in made.values()}
    kept = {
        model_type: each
        for model_type, each in before.items()
        if each.get("module") not in modules
        and str(each.get("module")).removeprefix("hf_") in stems
        and (folder / f"{each['module']}.py").is_file()
    }
    return {**kept, **made}
