"""Thirty seconds of sound to text with a random model of the size of whisper-tiny, against the optimum packages.

    python benchmarks/speech.py --optimum-intel PYTHON --optimum-onnx PYTHON

Each side is a process of its own that loads the model, hears the sound once to warm up and then several times: from
samples to tokens. A peer's is run by the Python of its own environment. All models are exported beforehand, ours into
the cache, a peer's into a temporary folder. Every side writes the same tokens, as many as asked for.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from measuring import Run, child, in_turn, options, ratio, report, spread, table

SECONDS, NEW = 30, 64
SOUND = f"""
import numpy as np

times = np.arange({SECONDS} * 16_000) / 16_000
sound = (np.sin(2 * np.pi * (200 + 40 * times) * times) / 2).astype(np.float32)
"""
TIMED = """
import json, statistics, time

def heard():
    started = time.perf_counter()
    tokens = answer()
    spent.append(time.perf_counter() - started)
    return tokens

spent = []
tokens = heard()
spent.clear()
for _ in range(int(sys.argv[-1])):
    assert heard() == tokens
print(json.dumps({"seconds": statistics.median(spent), "tokens": tokens}), flush=True)
"""
OURS = f"""
import sys
import ipfs_accelerate_py as ia
{SOUND}
handler = ia.load(sys.argv[1], task="automatic-speech-recognition", backend=sys.argv[2])

def answer():
    return handler(sound, max_new_tokens={NEW})["tokens"]
{TIMED}"""
THEIRS = f"""
import sys
from transformers import WhisperFeatureExtractor
from {{module}} import {{model}}
{SOUND}
model = {{model}}.from_pretrained(sys.argv[1], **{{settings}})
extractor = WhisperFeatureExtractor.from_pretrained(sys.argv[1])

def answer():
    features = extractor(sound, sampling_rate=16_000, return_tensors="pt").input_features
    written = model.generate(features, max_new_tokens={NEW}, do_sample=False, num_beams=1)
    return written[0].tolist()[-{NEW}:]
{TIMED}"""
EXPORT = """
import sys
from transformers import WhisperFeatureExtractor
from {module} import {model}

{model}.from_pretrained(sys.argv[1], export=True).save_pretrained(sys.argv[2])
WhisperFeatureExtractor.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[2])
print("true")
"""
# Where the processor has bfloat16 OpenVINO would use it; what is compared here is float32.
SETTINGS: dict[str, dict[str, Any]] = {
    "optimum-intel": {"ov_config": {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}},
    "optimum-onnx": {},
}
# peer -> (its module, its class, our backend on the same engine)
PEERS = {
    "optimum-intel": ("optimum.intel", "OVModelForSpeechSeq2Seq", "openvino"),
    "optimum-onnx": ("optimum.onnxruntime", "ORTModelForSpeechSeq2Seq", "onnxruntime"),
}
FASTER = 1.0  # budget
CALLS = 3  # of each process
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
WRITE = """
import sys
import torch
from transformers import (
    GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer
)
from ipfs_accelerate_py.evidence.speaking import speaking

torch.manual_seed(0)
model = WhisperForConditionalGeneration(WhisperConfig(init_std=0.2))  # the defaults are those of whisper-tiny
end = model.config.eos_token_id
settings = dict(eos_token_id=end, bos_token_id=end, pad_token_id=end, decoder_start_token_id=50258, max_length=448)
model.generation_config = GenerationConfig(**settings, suppress_tokens=[end])  # so that as much is written as asked for
model.save_pretrained(sys.argv[1])
for part in (WhisperFeatureExtractor(), speaking(WhisperTokenizer)):
    part.save_pretrained(sys.argv[1])
print("true")
"""


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__, rounds=5)
    for peer in PEERS:
        parser.add_argument(f"--{peer}", metavar="PYTHON", help=f"the Python of an environment with {peer}")
    given = parser.parse_args()
    sides: dict[str, Callable[[], Run]] = {}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = str(Path(folder) / "checkpoint")
        own = {**OFFLINE, "IPFS_ACCELERATE_HOME": os.environ.get("IPFS_ACCELERATE_HOME", f"{folder}/home")}
        child([sys.executable, "-c", WRITE, checkpoint], **own)
        for peer, (module, model, backend) in PEERS.items():
            command = [sys.executable, "-c", OURS, checkpoint, backend, str(CALLS)]
            sides[backend] = partial(child, command, **own)
            if python := getattr(given, peer.replace("-", "_")):
                names = {"module": module, "model": model, "settings": SETTINGS[peer]}
                exported = str(Path(folder) / peer)
                child([python, "-c", EXPORT.format(**names), checkpoint, exported], **OFFLINE)
                theirs = THEIRS.replace("{module}", module).replace("{model}", model)
                theirs = theirs.replace("{settings}", repr(SETTINGS[peer]))
                sides[peer] = partial(child, [python, "-c", theirs, exported, str(CALLS)], **OFFLINE)
        results = in_turn(sides, given.rounds)
    report("speech", _table(results), write=given.write)


def _table(results: dict[str, list[Run]]) -> str:
    reference = next(iter(results.values()))[0].answer["tokens"]
    rows = []
    for name, runs in results.items():
        same = all(run.answer["tokens"] == reference for run in runs)
        seconds = [run.answer["seconds"] for run in runs]
        rows.append(
            [name, spread(seconds), spread([run.megabytes for run in runs], 0), "yes" if same else "no"]
        )
    text = table(["side", "seconds for 30 s of sound", "peak MB", "same tokens"], rows)
    verdicts = []
    for peer, (_, _, backend) in PEERS.items():
        if peer in results:
            ours, theirs = ([run.answer["seconds"] for run in results[name]] for name in (backend, peer))
            verdicts.append([f"{peer} / {backend}", ratio(ours, theirs, digits=2), f"{FASTER:g}"])
    return f"{text}\n\n" + table(["ratio of seconds", "measured", "at least"], verdicts) if verdicts else text


if __name__ == "__main__":
    main()
