"""What `import ipfs_accelerate_py` takes beyond a Python that has imported numpy.

    python benchmarks/import_time.py

Each side is a new process; the sides take turns, and the difference is taken round by round.
"""

from __future__ import annotations

import sys
from functools import partial

from measuring import child, in_turn, options, report, spread, table

BUDGET_MS = 50
SIDES = {"numpy": "import numpy", "ipfs_accelerate_py": "import numpy, ipfs_accelerate_py"}


def main() -> None:
    """Measure and print the table."""
    given = options(__doc__, rounds=21).parse_args()
    sides = {
        name: partial(child, [sys.executable, "-c", f"{code}\nprint(1, flush=True)"])
        for name, code in SIDES.items()
    }
    results = in_turn(sides, given.rounds)
    spent = {name: [run.seconds * 1e3 for run in runs] for name, runs in results.items()}
    beyond = [ours - numpy for numpy, ours in zip(*spent.values(), strict=True)]
    rows = [[f"Python with {name}", spread(each, 0), ""] for name, each in spent.items()]
    rows.append(["the difference", spread(beyond, 1), str(BUDGET_MS)])
    report("import", table(["what", "milliseconds", "at most"], rows), write=given.write)


if __name__ == "__main__":
    main()
