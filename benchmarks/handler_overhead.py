"""What a handler adds to the raw call of its backend with the same feeds, at batch 1.

    python benchmarks/handler_overhead.py

The model is a tiny random BERT, so that the call itself is short and its noise small. `call` is the whole handler
with steps that neither tokenise nor make lists. Calls take turns, in random order; a difference is taken turn by turn.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from inspect import getclosurevars
from pathlib import Path
from random import Random
from typing import Any

from measuring import options, report, table

from ipfs_accelerate_py.evidence.tiny import saved, trained
from ipfs_accelerate_py.skills import Checkpoint, Example, Handler, Steps
from ipfs_accelerate_skills import hf_bert

BUDGET_US = 30
TASK = "feature-extraction"
BACKENDS = ("cpu", "openvino", "onnxruntime")
TEXT = "A cat sat on the mat."
WARM_UP = 200
Call = Callable[[], Any]


def checkpoint(folder: Path) -> Checkpoint:
    """Return a tiny BERT with a tokenizer."""
    from transformers import BertConfig, BertModel, BertTokenizer

    tokenizer = trained(BertTokenizer)
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    config = BertConfig(vocab_size=len(tokenizer), **sizes)
    return saved(folder, lambda: BertModel(config), [tokenizer])


def raw(handler: Handler, feeds: dict[str, Any]) -> Call:
    """Return the call that the handler's forward pass makes of its backend, on the very same objects.

    Arrays go in and come out, as with every backend, by the way that copies neither.
    """
    held = getclosurevars(handler.forward).nonlocals
    if "request" in held:
        return partial(held["request"].infer, feeds, share_inputs=True, share_outputs=True)
    if "session" in held:
        return partial(held["session"].run, held["outputs"], feeds)
    import torch

    graph, tensor = held["graph"], torch.from_numpy

    def call() -> Any:
        with torch.inference_mode():
            outputs = graph({name: tensor(array) for name, array in feeds.items()})
        return {name: output.numpy() for name, output in outputs.items()}

    return call


def ways(handler: Handler) -> dict[str, Call]:
    """Return the raw call and the handler's ways of making it, all with the same feeds."""
    row = handler.steps.prepare([TEXT], handler.steps.options)[0].rows[0]
    feeds = {name: array[None] for name, array in row.items()}
    ready = [Example((row,))]
    steps = Steps(lambda items, given: ready, lambda example, rows, given: {}, sample=(TEXT,))
    bare = Handler(task=TASK, model="tiny", steps=steps, forward=handler.forward, place=handler.place)
    return {
        "raw": raw(handler, feeds),
        "forward": lambda: handler.forward(feeds),
        "run": lambda: handler.run([row], {}),
        "call": lambda: bare(TEXT),
    }


def measured(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    """Return the microseconds of each call; the order is drawn anew each turn, as one warms the caches of the next."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    drawn = Random(0)
    for turn in range(-WARM_UP, rounds):
        drawn.shuffle(names)
        for name in names:
            started = time.perf_counter_ns()
            calls[name]()
            if turn >= 0:
                spent[name].append((time.perf_counter_ns() - started) / 1e3)
    return spent


def main() -> None:
    """Measure and print the table."""
    given = options(__doc__, rounds=3000).parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        made = checkpoint(Path(folder))
        for backend in BACKENDS:
            if backend == "cpu":
                import torch

                torch.set_num_threads(1)  # two threads on so small a model only add noise
            handler = hf_bert.SKILL.load(made, TASK, backend)
            spent = measured(ways(handler), given.rounds)
            base = spent.pop("raw")
            beyond = [
                f"{statistics.median(a - b for a, b in zip(each, base, strict=True)):.1f}"
                for each in spent.values()
            ]
            rows.append([backend, f"{statistics.median(base):.0f}", *beyond, str(BUDGET_US)])
    header = ["backend", "raw call, us", "forward adds", "run adds", "call adds", "at most"]
    report("overhead", table(header, rows), write=given.write)


if __name__ == "__main__":
    main()
