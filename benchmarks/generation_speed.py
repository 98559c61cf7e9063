"""Tokens per second and the time to the first token of a random llama, against the optimum packages.

    python benchmarks/generation_speed.py --optimum-intel PYTHON --optimum-onnx PYTHON

Each side is a process of its own that loads the model once and generates greedily; sides take turns. A peer's is run
by the Python of its own environment, on a model that it exported beforehand. All sides get the same token ids and must
give the same tokens.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measuring import Run, child, in_turn, options, ratio, report, spread, table

PROMPT, NEW, BATCHES = 32, 64, (1, 8)
VOCABULARY = 8000
# What all sides share: `generate(rows, count)` gives the new tokens of each row.
MEASURE = f"""
import json, time
import numpy as np

def measured(generate):
    found = {{}}
    for rows in {BATCHES}:
        ids = np.random.default_rng(rows).integers(10, {VOCABULARY}, size=(rows, {PROMPT}))
        generate(ids, 4)
        first, whole = [], []
        for _ in range(3):
            started = time.perf_counter()
            generate(ids, 1)
            first.append(time.perf_counter() - started)
            started = time.perf_counter()
            tokens = generate(ids, {NEW})
            whole.append(time.perf_counter() - started)
        found[rows] = {{"first": min(first), "whole": min(whole), "tokens": tokens}}
    print(json.dumps(found), flush=True)
"""
OURS = """
import sys
import ipfs_accelerate_py as ia

handler = ia.load(sys.argv[1], "text-generation", sys.argv[2])

def generate(ids, count):
    answers = handler([{"input_ids": row.tolist()} for row in ids], max_new_tokens=count, return_full_text=False)
    return [answer["tokens"] for answer in answers]

measured(generate)
"""
THEIRS = """
import sys
import torch
from {module} import {model}

model = {model}.from_pretrained(sys.argv[1], **{settings})

def generate(ids, count):
    given = torch.from_numpy(ids)
    out = model.generate(
        given, attention_mask=torch.ones_like(given), max_new_tokens=count, min_new_tokens=count, do_sample=False
    )
    return out[:, ids.shape[1] :].tolist()

measured(generate)
"""
EXPORT = """
import sys
from {module} import {model}

{model}.from_pretrained(sys.argv[1], export=True).save_pretrained(sys.argv[2])
print("true")
"""
EXACT = {"ov_config": {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}}
# peer -> (its module, its class, its settings, our backend on the same engine)
PEERS = {
    "optimum-intel": ("optimum.intel", "OVModelForCausalLM", EXACT, "openvino"),
    "optimum-onnx": ("optimum.onnxruntime", "ORTModelForCausalLM", {}, "onnxruntime"),
}
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def write(folder: str) -> None:
    """Write a random llama of 97 million parameters, with a tokenizer that knows 8,000 words."""
    import torch
    from tokenizers import Tokenizer, models
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=12,
        num_attention_heads=12,
        max_position_embeddings=512,
        initializer_range=0.06,
        eos_token_id=None,
        bos_token_id=1,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({str(place): place for place in range(VOCABULARY)}, unk_token="0"))
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="0", pad_token="0").save_pretrained(folder)


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__, rounds=5)
    for peer in PEERS:
        parser.add_argument(f"--{peer}", metavar="PYTHON", help=f"the Python of an environment with {peer}")
    parser.add_argument("--make", metavar="FOLDER", help="write the checkpoint")
    given = parser.parse_args()
    if given.make:
        write(given.make)
        return print(json.dumps(given.make))
    sides: dict[str, Callable[[], Run]] = {}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = str(Path(folder) / "llama")
        child([sys.executable, __file__, "--make", checkpoint], **OFFLINE)
        for peer, (module, model, settings, backend) in PEERS.items():
            ours = [sys.executable, "-c", MEASURE + OURS, checkpoint, backend]
            sides[backend] = partial(child, ours, **OFFLINE)
            if python := getattr(given, peer.replace("-", "_")):
                names = {"module": module, "model": model, "settings": settings}
                exported = str(Path(folder) / peer)
                child([python, "-c", EXPORT.format(**names), checkpoint, exported], **OFFLINE)
                theirs = [python, "-c", MEASURE + THEIRS.format(**names), exported]
                sides[peer] = partial(child, theirs, **OFFLINE)
        results = in_turn(sides, given.rounds)
    report("generation speed", _table(results), write=given.write)


def _table(results: dict[str, list[Run]]) -> str:
    reference = next(iter(results.values()))[0].answer
    rows, verdicts = [], []
    for batch in map(str, BATCHES):
        speeds: dict[str, list[float]] = {}
        waits: dict[str, list[float]] = {}
        for name, runs in results.items():
            for run in runs:
                assert (
                    run.answer[batch]["tokens"] == reference[batch]["tokens"]
                ), f"{name} writes other tokens"
            speeds[name] = [int(batch) * NEW / run.answer[batch]["whole"] for run in runs]
            waits[name] = [1e3 * run.answer[batch]["first"] for run in runs]
            rows.append([name, batch, spread(speeds[name], 1), spread(waits[name], 1)])
        for peer, (_, _, _, backend) in PEERS.items():
            if peer in results:
                faster, sooner = ratio(speeds[peer], speeds[backend], digits=2), ratio(
                    waits[backend], waits[peer], digits=2
                )
                verdicts.append([f"{backend} / {peer}", batch, faster, sooner])
    text = table(["side", "batch", "tokens per second", "ms to the first token"], rows)
    if not verdicts:
        return text
    header = ["ratio", "batch", "tokens per second, at least 1", "sooner, at least 1"]
    return f"{text}\n\n{table(header, verdicts)}"


if __name__ == "__main__":
    main()
