"""Answering a question about one picture, against transformers' pipeline("image-text-to-text") on PyTorch.

    python benchmarks/vision_language.py

A random llava of about 100 million parameters, a picture of 640x480 that becomes 196 vectors, 32 greedy tokens. Each
side is a process of its own that has loaded the model and answered once; then the sides take turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measuring import in_turn, options, ratio, report, spread, table

TASK = "image-text-to-text"
NEW = 32  # tokens
QUESTION = "Two dogs <image> ran over the green hill."
BUDGET = 1.2  # times the pipeline, for the faster of the exported backends
BACKENDS = ("openvino", "onnxruntime", "cpu")
TINY: dict[str, Any] = {
    "image_token_index": 3,
    "vision_config": {
        "model_type": "clip_vision_model",
        "hidden_size": 512,
        "intermediate_size": 2048,
        "projection_dim": 512,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "image_size": 224,
        "patch_size": 16,
    },
    "text_config": {
        "model_type": "llama",
        "hidden_size": 640,
        "intermediate_size": 1728,
        "num_hidden_layers": 12,
        "num_attention_heads": 10,
    },
}
VOCABULARY = 16_000


def write(folder: str) -> None:
    """Write the checkpoint."""
    from transformers import (
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaImageProcessorPil,
        LlavaProcessor,
        TokenizersBackend,
    )

    from ipfs_accelerate_py.evidence.pictured import reader
    from ipfs_accelerate_py.evidence.tiny import saved

    made = reader(TokenizersBackend, LlavaImageProcessorPil, LlavaProcessor, TINY)
    text = {
        **made.config["text_config"],
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 1024,
        "initializer_range": 0.1,
    }
    config = LlavaConfig(**{**made.config, "text_config": text})
    saved(Path(folder), lambda: LlavaForConditionalGeneration(config), made.parts)
    print(json.dumps(folder))


def picture() -> Any:
    """Return a picture of waves."""
    from PIL import Image

    across, down = np.meshgrid(np.linspace(0, 20, 640), np.linspace(0, 14, 480))
    waves = np.stack([np.sin(across), np.cos(down), np.sin(across * down / 9)], axis=-1)
    return Image.fromarray((waves * 127 + 128).astype(np.uint8))


def serve(side: str, folder: str) -> None:
    """Be one side: for each line that is read, answer and print the seconds and the tokens."""
    answer = _theirs(folder) if side == "pipeline" else _ours(side, folder)
    for _ in sys.stdin:
        started, used = time.perf_counter(), time.process_time()
        tokens = answer()
        spent = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - used}
        print(json.dumps({**spent, "tokens": tokens}), flush=True)


def _theirs(folder: str) -> Callable[[], list[int]]:
    from transformers import pipeline

    whole = pipeline(TASK, model=folder, device="cpu", dtype="float32")
    asked, chosen = {"images": picture(), "text": QUESTION}, {"max_new_tokens": NEW, "do_sample": False}

    def answer() -> list[int]:
        found = whole(**asked, generate_kwargs=chosen, return_tensors=True)[0]["generated_token_ids"]
        return list(found[-NEW:].tolist())

    return answer


def _ours(side: str, folder: str) -> Callable[[], list[int]]:
    import ipfs_accelerate_py as ia

    handler = ia.load(folder, TASK, backend=side)
    asked = {"image": picture(), "text": QUESTION}
    return lambda: list(handler(asked, max_new_tokens=NEW)["tokens"])


class Side:
    """A process that answers whenever it is asked to."""

    def __init__(self, side: str, folder: str) -> None:
        command = [sys.executable, __file__, "--serve", side, folder]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )

    def __call__(self) -> dict[str, Any]:
        """Return what one answer took."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__, rounds=7)
    parser.add_argument("--sides", nargs="+", default=list(BACKENDS), help="ours, to be measured")
    parser.add_argument("--serve", nargs=2, metavar=("SIDE", "FOLDER"), help="be one of the sides")
    parser.add_argument("--make", metavar="FOLDER", help="write the checkpoint")
    given = parser.parse_args()
    if given.serve:
        return serve(*given.serve)
    if given.make:
        return write(given.make)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, "--make", folder], check=True, stdout=subprocess.DEVNULL)
        sides = {side: Side(side, folder) for side in ("pipeline", *given.sides)}
        try:
            results = in_turn(sides, given.rounds)
        finally:
            for side in sides.values():
                side.close()
    report("vision-language", _table(results), write=given.write)


def _table(results: dict[str, list[dict[str, Any]]]) -> str:
    reference = results["pipeline"]
    rows = []
    for side, runs in results.items():
        assert all(run["tokens"] == reference[0]["tokens"] for run in runs), f"{side}: other tokens"
        clock, cpu = (
            ratio([run[what] for run in runs], [run[what] for run in reference], digits=2)
            for what in ("seconds", "cpu")
        )
        speed = spread([run["seconds"] for run in runs])
        rows.append([side, speed, clock, str(BUDGET) if side == "openvino" else "", cpu])
    header = ["side", "seconds for one answer", "times the pipeline", "at least", "times, CPU time"]
    return table(header, rows)


if __name__ == "__main__":
    main()
