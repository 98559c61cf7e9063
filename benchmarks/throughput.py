"""Embedding 1,000 texts of mixed length, against transformers' pipeline("feature-extraction", batch_size=32).

    python benchmarks/throughput.py

Each side is a process of its own that has loaded all-MiniLM-L6-v2 and embedded the texts once; then the sides take
turns. The pipeline gives a vector for each token, which are pooled here, outside the time, to compare a sample.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from measuring import in_turn, options, ratio, report, served, spread, table, weights

SEED = 33
BUDGET = 3.5  # times the pipeline's texts per second, for the backend that a user gets without asking
TOLERANCE = 1e-4
SAMPLE = slice(None, None, 50)  # of the texts whose vectors are compared
TIMES = ("seconds", "cpu")
BACKENDS = ("openvino", "onnxruntime", "cpu")


def texts(folder: Path, count: int) -> list[str]:
    """Return `count` texts of the vocabulary's whole words; lengths are log-normal, mean 33 and 95th percentile 93."""
    words = [word for word in (folder / "vocab.txt").read_text(encoding="utf-8").split() if word.isalpha()]
    words = [word for word in words if word.isascii() and len(word) > 2]
    chance = random.Random(SEED)
    lengths = [min(200, max(2, round(chance.lognormvariate(3.19, 0.85)))) for _ in range(count)]
    return [" ".join(chance.choices(words, k=length)) for length in lengths]


def embed(side: str, folder: str, count: int) -> None:
    """Serve one side: for each line that is read, embed the texts and print the seconds and a sample of vectors."""
    given = texts(Path(folder), count)
    if side == "pipeline":
        from transformers import pipeline

        model = pipeline("feature-extraction", model=folder, device="cpu")
        name, call = "pipeline", partial(model, given, batch_size=32)
        vector = partial(_pooled, model.tokenizer)
    else:
        import ipfs_accelerate_py as ia

        model = ia.load(folder, backend=None if side == "default" else side)
        name, call = model.place.backend, partial(model, given)
        vector = _vector
    for _ in sys.stdin:
        started, used = time.perf_counter(), time.process_time()
        answers = call()
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
        vectors = [vector(text, answer) for text, answer in zip(given[SAMPLE], answers[SAMPLE], strict=True)]
        print(json.dumps({"name": name, "seconds": seconds, "cpu": cpu, "vectors": vectors}), flush=True)


def _vector(_: str, answer: Mapping[str, Any]) -> list[float]:
    return list(answer["embedding"])


def _pooled(tokenizer: Any, text: str, answer: Sequence[Any]) -> list[float]:
    """Return the mean, of length 1, of the pipeline's tokens, (1, tokens, width), without the padding it leaves."""
    tokens = answer[0][: len(tokenizer(text)["input_ids"])]
    mean = [statistics.fmean(column) for column in zip(*tokens, strict=True)]
    norm = math.hypot(*mean)
    return [value / norm for value in mean]


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__, rounds=5)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--sides", nargs="+", default=["default", *BACKENDS], help="ours, to be measured")
    parser.add_argument("--serve", nargs=3, metavar=("SIDE", "FOLDER", "TEXTS"), help="be one of the sides")
    given = parser.parse_args()
    if given.serve:
        return embed(given.serve[0], given.serve[1], int(given.serve[2]))
    folder = weights()
    commands = {
        side: [sys.executable, __file__, "--serve", side, str(folder), str(given.texts)]
        for side in ("pipeline", *given.sides)
    }
    with served(commands, HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="true") as sides:
        results = in_turn(sides, given.rounds)
    report("throughput", _table(results, given.texts), write=given.write)


def _table(results: dict[str, list[dict[str, Any]]], count: int) -> str:
    reference = results["pipeline"]
    rows = []
    for side, runs in results.items():
        difference = max(_difference(run["vectors"], reference[0]["vectors"]) for run in runs)
        assert difference <= TOLERANCE, f"{side}: differs by {difference}"
        name = f"default ({runs[0]['name']})" if side == "default" else side
        budget = str(BUDGET) if side == "default" else ""
        clock, cpu = (ratio([run[what] for run in runs], [run[what] for run in reference]) for what in TIMES)
        speed = spread([count / run["seconds"] for run in runs], 0)
        rows.append([name, speed, clock, budget, cpu, f"{difference:.0e}"])
    header = ["side", "texts per second", "times the pipeline", "at least", "times, CPU time", "difference"]
    return table(header, rows)


def _difference(left: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> float:
    pairs = itertools.chain.from_iterable(zip(a, b, strict=True) for a, b in zip(left, right, strict=True))
    return max(abs(a - b) for a, b in pairs)


if __name__ == "__main__":
    main()
