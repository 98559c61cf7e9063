"""From the start of a process to its first embedding, and its peak memory, against the optimum packages.

    python benchmarks/cold_start.py --optimum-intel PYTHON --optimum-onnx PYTHON

Each side is a process of its own that loads all-MiniLM-L6-v2 and embeds one text; a peer's is run by the Python of
its own environment. All models are exported beforehand, ours into the cache, a peer's into a temporary folder.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measuring import Run, child, in_turn, options, ratio, report, spread, table, weights

TEXT = "A cat sat on the mat, and nobody asked it why."
TOLERANCE = 1e-4  # largest absolute difference between two sides' embeddings, whose length is 1
OURS = f"""
import json, sys
import ipfs_accelerate_py as ia

handler = ia.load(sys.argv[1], backend=sys.argv[2])
print(json.dumps(handler({TEXT!r})["embedding"]), flush=True)
"""
THEIRS = f"""
import json, sys
from transformers import AutoTokenizer
from {{module}} import {{model}}
import numpy as np

model = {{model}}.from_pretrained(sys.argv[1], **{{settings}})
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
batch = tokenizer({TEXT!r}, return_tensors="np")
hidden = np.asarray(model(**batch).last_hidden_state[0])
mask = batch["attention_mask"][0][:, None]
pooled = (hidden * mask).sum(0) / mask.sum()
print(json.dumps((pooled / np.linalg.norm(pooled)).tolist()), flush=True)
"""
EXPORT = """
import sys
from transformers import AutoTokenizer
from {module} import {model}

{model}.from_pretrained(sys.argv[1], export=True).save_pretrained(sys.argv[2])
AutoTokenizer.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[2])
print("true")
"""
# Where the processor has bfloat16 OpenVINO would use it; what is compared here is float32.
SETTINGS = {"optimum-intel": {"ov_config": {"INFERENCE_PRECISION_HINT": "f32"}}, "optimum-onnx": {}}
# peer -> (its module, its class, our backend on the same engine, sooner by, leaner by)
PEERS = {
    "optimum-intel": ("optimum.intel", "OVModelForFeatureExtraction", "openvino", 12.0, 2.8),
    "optimum-onnx": ("optimum.onnxruntime", "ORTModelForFeatureExtraction", "onnxruntime", 10.0, 2.5),
}
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__, rounds=9)
    for peer in PEERS:
        parser.add_argument(f"--{peer}", metavar="PYTHON", help=f"the Python of an environment with {peer}")
    given = parser.parse_args()
    pythons = {peer: getattr(given, peer.replace("-", "_")) for peer in PEERS}
    checkpoint = str(weights())
    sides: dict[str, Callable[[], Run]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for peer, python in pythons.items():
            module, model, backend, *_ = PEERS[peer]
            sides[backend] = partial(child, [sys.executable, "-c", OURS, checkpoint, backend], **OFFLINE)
            if python:
                names = {"module": module, "model": model, "settings": SETTINGS[peer]}
                exported = str(Path(folder) / peer)
                child([python, "-c", EXPORT.format(**names), checkpoint, exported], **OFFLINE)
                sides[peer] = partial(child, [python, "-c", THEIRS.format(**names), exported], **OFFLINE)
        results = in_turn(sides, given.rounds)
    report("cold start", _table(results), write=given.write)


def _table(results: dict[str, list[Run]]) -> str:
    reference = next(iter(results.values()))[0].answer
    rows = []
    for name, runs in results.items():
        difference = max(abs(a - b) for run in runs for a, b in zip(run.answer, reference, strict=True))
        assert difference <= TOLERANCE, f"{name}: differs by {difference}"
        cells = [spread([run.seconds for run in runs]), spread([run.cpu for run in runs])]
        cells += [spread([run.megabytes for run in runs], 0)]
        rows.append([name, *cells, f"{difference:.0e}"])
    text = table(["side", "seconds", "CPU seconds", "peak MB", "difference"], rows)
    verdicts = []
    for peer, (_, _, backend, sooner, leaner) in PEERS.items():
        if peer in results:
            ours, theirs = results[backend], results[peer]
            for what, budget in (("seconds", sooner), ("cpu", None), ("megabytes", leaner)):
                measured = ratio([getattr(run, what) for run in ours], [getattr(run, what) for run in theirs])
                verdicts.append([f"{peer} / {backend}", what, measured, str(budget or "")])
    return f"{text}\n\n" + table(["ratio", "of", "measured", "at least"], verdicts) if verdicts else text


if __name__ == "__main__":
    main()
