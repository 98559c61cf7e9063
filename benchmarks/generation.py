"""Generating a module with its test, and checking a tree of as many model types as transformers has.

    python benchmarks/generation.py

The tree is a temporary workspace of copies of the specs of bert and vit, each under a model type of its own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from measuring import ROOT, child, in_turn, options, report, spread, table

from ipfs_accelerate_generator.batch import generate_types
from ipfs_accelerate_generator.make import make
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.workspace import Workspace

TYPES = 776  # what transformers 5.23 has a model class for
COPIED = ("bert", "vit")
COMMAND = "from ipfs_accelerate_py.cli.app import main; main()"
ONE_MS, CHECK_S, ALL_S = 300, 2.0, 180.0  # budgets


def copies(root: Path, count: int) -> Workspace:
    """Return a workspace with `count` specs, copied in turn."""
    folder = root / "model_specs" / "surveyed"
    folder.mkdir(parents=True)
    for place in range(count):
        original = COPIED[place % len(COPIED)]
        name = f"{original}_{place:03}"
        text = (ROOT / "model_specs" / "surveyed" / f"{original}.toml").read_text(encoding="utf-8")
        spec = text.replace(f'model_type = "{original}"', f'model_type = "{name}"')
        (folder / f"{name}.toml").write_text(spec, encoding="utf-8")
    return Workspace.at(root)


def one_by_one(workspace: Workspace, original: str, rounds: int) -> list[float]:
    """Return the milliseconds for each of some model types, one after the other."""
    templates = Templates.of(workspace.templates())
    spent = []
    for stem in [stem for stem in workspace.stems if stem.startswith(f"{original}_")][: rounds + 1]:
        started = time.perf_counter()
        made = make(workspace.spec_files(stem), templates)
        spent.append((time.perf_counter() - started) * 1e3)
        assert not made.error, made.error
        assert len(made.modules) == 2
    return spent


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__, rounds=15)
    parser.add_argument("--types", type=int, default=TYPES)
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        workspace = copies(Path(folder), given.types)
        for original in COPIED:
            spent = one_by_one(workspace, original, given.rounds)
            rows.append(
                [f"one module with its test, first of its kind: {original}", f"{spent[0]:.0f}", "ms", ""]
            )
            rows.append(
                [f"one module with its test, warm: {original}", spread(spent[1:], 0), "ms", f"{ONE_MS}"]
            )
        started = time.perf_counter()
        made = generate_types(workspace, workspace.own_stems, jobs=os.cpu_count() or 1)
        assert not made.errors, made.errors[0]
        spent_all = f"{time.perf_counter() - started:.0f}"
        rows.append(
            [
                f"{given.types} modules with tests, cold, {os.cpu_count()} processes",
                spent_all,
                "s",
                f"{ALL_S:.0f}",
            ]
        )
        check = [sys.executable, "-c", COMMAND, "check", "--json", "--root", folder]
        runs = in_turn({"check": partial(child, check)}, given.rounds)["check"]
        assert all(run.answer["types"] == given.types and not run.answer["problems"] for run in runs)
        name = f"`check` of {given.types} unchanged types, the whole command"
        rows.append([name, spread([run.ended for run in runs]), "s", f"{CHECK_S:.0f}"])
    report("generation", table(["what", "measured", "", "at most"], rows), write=given.write)


if __name__ == "__main__":
    main()
