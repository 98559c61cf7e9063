"""Coverage as a page for people: what it adds up to, then a line for each task of each model type."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from ipfs_accelerate_py.hardware.backend import Backend
from ipfs_accelerate_py.registry.coverage.rows import Row
from ipfs_accelerate_py.registry.coverage.totals import EXPORTERS, Totals
from ipfs_accelerate_py.registry.verdicts import Outlook

_MEANING: Final = {
    "model_types": "model types that are known here",
    "cpu": "of them proved on the CPU with all that they take",
    "openvino": "of them proved on OpenVINO",
    "onnxruntime": "of them proved on ONNX Runtime",
    "any_exported": "of them proved on an exported backend",
    "generating": "types that write token by token",
    "generating_cached": "of them with a cache, and the same tokens, on an exported backend",
    "task_pairs": "pairs of a type and a task",
    "task_pairs_cpu": "of them proved on the CPU",
    "task_pairs_arrays": "of these given arrays: no processor is proved",
    "overrides": "types with a fact corrected by hand",
    "works": "cells that work",
    "broken": "cells that are broken",
    "unsupported": "cells whose device no machine had",
    "unknown": "cells of which nothing is known",
}


_OPENING: Final = """\
# Coverage

What the recorded evidence says. `ipfs-accelerate coverage --from evidence --markdown` prints this page, `--html` one
with filters. A number is the largest difference that a test of the cell saw from eager float32 on the CPU, relative to
the largest value; the route is that of the export. "Processor not proved": the task is given arrays, and what makes
them of a text, a picture or a sound is not part of the proof. What the tests are and what they do not say:
docs/evidence.md.

Seen on:
"""


def markdown(found: Collection[Row], counts: Totals, environments: Mapping[str, str]) -> str:
    """Return the whole page; `environments` are sentences about where something was seen, by digest."""
    lines = [_OPENING, *(f"- {sentence} (`{digest}`)" for digest, sentence in environments.items()), ""]
    lines += ["## Totals", "", *_table(("count", "of what"), _counted(counts))]
    lines += ["", "## Beside the exporters", "", *_table(_PEERS, _beside(counts))]
    lines += ["", "## Tasks and backends", ""]
    shown = [
        each for each in map(str, Backend) if any(_tells(row) for row in found if row.cell.backend == each)
    ]
    if absent := _absent(found, shown):
        lines += [*absent, ""]
    lines += _table(("model type", "task", *shown, "what is missing, and why"), _pairs(found, shown))
    return "\n".join(lines) + "\n"


_PEERS: Final = ("", "model types", "of", "transformers")


def _counted(counts: Totals) -> Iterable[Sequence[str]]:
    return ((str(number), _MEANING[name]) for name, number in counts.to_json().items())


def _beside(counts: Totals) -> Iterable[Sequence[str]]:
    yield "here, proved on an exported backend", str(counts.any_exported), str(counts.model_types), ""
    for each in EXPORTERS:
        yield each.name, str(each.covers), str(each.of or ""), each.transformers


def _tells(row: Row) -> bool:
    return row.outlook is not Outlook.UNSUPPORTED


def _absent(found: Collection[Row], shown: Collection[str]) -> list[str]:
    """Return a line for each backend that no machine had, with the reason that was given most often."""
    lines = []
    for backend in map(str, Backend):
        reasons = [row.reason for row in found if row.cell.backend == backend]
        if reasons and backend not in shown:
            lines.append(f"- {backend}: generated, and never run; {max(reasons, key=reasons.count)}")
    return lines


def _pairs(found: Iterable[Row], shown: Collection[str]) -> Iterable[Sequence[str]]:
    """Yield a line for each pair of type and task, in the order of `found`."""
    pairs: dict[tuple[str, str], list[Row]] = {}
    for row in found:
        pairs.setdefault((row.cell.model_type, row.cell.task), []).append(row)
    for (model_type, task), rows in pairs.items():
        cells = [", ".join(_cell(row) for row in rows if row.cell.backend == backend) for backend in shown]
        reasons: dict[str, list[str]] = {}
        for row in rows:
            if row.outlook in (Outlook.BROKEN, Outlook.UNKNOWN):
                reasons.setdefault(row.reason, []).append(row.cell.backend)
        why = [f"{', '.join(backends)}: {reason}" for reason, backends in reasons.items()]
        yield model_type, task, *cells, "; ".join([*filter(None, [rows[0].processor]), *why])


def _cell(row: Row) -> str:
    """Return a cell: the largest difference and the route of what works, else the verdict."""
    words = [str(row.outlook)]
    verdict = row.verdict
    if verdict is not None and row.outlook is Outlook.WORKS:
        words = ["works" if verdict.difference is None else f"{verdict.difference:.1e}"]
        words += [verdict.route] if verdict.route else []
    if verdict is not None and verdict.simulated:
        words.append("(simulated)")
    if row.cell.precision != "float32":
        words.append(f"({row.cell.precision})")
    return " ".join(words)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_line(header), "|---" * len(header) + "|", *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
