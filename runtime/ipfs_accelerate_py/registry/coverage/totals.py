"""What the rows of coverage add up to, and what others cover, to set it beside."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ipfs_accelerate_py.hardware.backend import EXPORTED
from ipfs_accelerate_py.registry.coverage.rows import Row
from ipfs_accelerate_py.registry.verdicts import Outlook

OVERRIDES: Final = Path("model_specs", "overrides")


@dataclass(frozen=True)
class Totals:
    """Counts of model types, of pairs of type and task, and of verdicts.

    A type is proved on the CPU where the tasks proved there are asked about all that it takes: one of texts and
    pictures is not by texts alone. It is proved on an exported backend where any task of it is. It is counted as
    generating where a task of it writes token by token, and as cached where OpenVINO or ONNX Runtime was proved to
    write the same tokens, from a cache, for every such task: it is what the tests of these tasks say. A pair is counted
    as given arrays where it is proved on the CPU, and what makes its arrays is not.
    """

    model_types: int
    cpu: int
    openvino: int
    onnxruntime: int
    any_exported: int
    generating: int
    generating_cached: int
    task_pairs: int
    task_pairs_cpu: int
    task_pairs_arrays: int
    overrides: int
    works: int
    broken: int
    unsupported: int
    unknown: int

    def to_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def totals(
    found: Collection[Row],
    *,
    generating: Collection[tuple[str, str]] = (),
    rereading: Collection[tuple[str, str]] = (),
    carried: Mapping[str, Mapping[str, frozenset[str]]] | None = None,
    overrides: int = 0,
) -> Totals:
    """Return what `found` adds up to; of `generating`, pairs of type and task, those count that it has.

    Those of them in `rereading` have no cache. `carried` says what each task is asked about, of types that take several
    modalities.
    """
    proved = [row.cell for row in found if row.outlook is Outlook.WORKS]
    exported = {str(backend) for backend in EXPORTED}
    pairs = {(row.cell.model_type, row.cell.task) for row in found}
    writing = pairs.intersection(generating)
    cached = {(cell.model_type, cell.task) for cell in proved if cell.backend in exported} - {*rereading}
    counted = [row.outlook for row in found]

    def types(*backends: str) -> int:
        return len({cell.model_type for cell in proved if cell.backend in backends})

    seen: dict[str, set[str]] = {}
    for cell in proved:
        if cell.backend == "cpu":
            seen.setdefault(cell.model_type, set()).add(cell.task)
    return Totals(
        model_types=len({model_type for model_type, _ in pairs}),
        cpu=sum(_whole((carried or {}).get(model_type, {}), tasks) for model_type, tasks in seen.items()),
        openvino=types("openvino"),
        onnxruntime=types("onnxruntime"),
        any_exported=types(*exported),
        generating=len({model_type for model_type, _ in writing}),
        generating_cached=len(
            {model_type for model_type, _ in writing} - {model_type for model_type, _ in writing - cached}
        ),
        task_pairs=len(pairs),
        task_pairs_cpu=sum(map(len, seen.values())),
        task_pairs_arrays=len(
            {(row.cell.model_type, row.cell.task) for row in found if row.arrays}
            & {(model_type, task) for model_type, tasks in seen.items() for task in tasks}
        ),
        overrides=overrides,
        works=counted.count(Outlook.WORKS),
        broken=counted.count(Outlook.BROKEN),
        unsupported=counted.count(Outlook.UNSUPPORTED),
        unknown=counted.count(Outlook.UNKNOWN),
    )


def _whole(carried: Mapping[str, frozenset[str]], tasks: Collection[str]) -> bool:
    """Whether `tasks` together are asked about all that any task is."""
    asked = frozenset[str]().union(*(carried.get(task, frozenset()) for task in tasks))
    return asked >= frozenset[str]().union(*carried.values())


def overrides(root: Path) -> int:
    """Return how many model types of the workspace have a fact corrected by hand."""
    return len(list((root / OVERRIDES).glob("*.toml")))


@dataclass(frozen=True)
class Exporter:
    """A project that exports models by a list of types that people keep: how many it covers, of how many there were."""

    name: str
    covers: int
    of: int | None
    transformers: str
    """The version whose types were counted."""


EXPORTERS: Final = (
    Exporter("optimum-onnx 0.1.0", 148, 421, "4.57.6"),
    Exporter("optimum-intel 2.2.0", 145, 499, "5.5.4"),
    Exporter("transformers.js 4.2.0", 180, None, ""),
    Exporter("their registries together", 242, 499, "5.5.4"),
)
"""Counted in the registries of these releases, one entry for each model type, whatever its tasks."""
