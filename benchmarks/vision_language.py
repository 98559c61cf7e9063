"""Answering a question about one picture, against optimum-intel and transformers' pipeline("image-text-to-text").

    python benchmarks/vision_language.py --optimum-intel PYTHON

A random llava of about 100 million parameters, a picture of 640x480 that becomes 196 vectors, 32 greedy tokens. Each
side is a process of its own that has loaded the model and answered once; then the sides take turns. The peer's is run
by the Python of its own environment, on a model that it exported beforehand.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measuring import child, in_turn, options, ratio, report, served, spread, table

TASK = "image-text-to-text"
NEW = 32  # tokens
QUESTION = "Two dogs <image> ran over the green hill."
BUDGET = 1.0  # times the answers per second of the peer with a class for it
PEER = "optimum-intel"
# Where the processor has bfloat16 OpenVINO would use it; what is compared here is float32.
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
EXPORT = """
import sys
from optimum.intel import OVModelForVisualCausalLM
from transformers import AutoProcessor

OVModelForVisualCausalLM.from_pretrained(sys.argv[1], export=True).save_pretrained(sys.argv[2])
AutoProcessor.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[2])
print("true")
"""
BACKENDS = ("openvino", "onnxruntime", "cpu")
TINY: dict[str, Any] = {
    "image_token_index": 3,
    "image_seq_length": 196,  # of 16 x 16 pixels each; the peer believes this field
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
    _as_published(Path(folder) / "model.safetensors")
    print(json.dumps(folder))


def _as_published(path: Path) -> None:
    """Give the weights the names that llava's have on the Hub: the peer's older transformers knows no others."""
    from safetensors.numpy import load_file, save_file

    tower, older = "vision_tower.", "vision_tower.vision_model."
    named = {name.replace(tower, older, 1): array for name, array in load_file(path).items()}
    save_file(named, path, metadata={"format": "pt"})


def picture() -> Any:
    """Return a picture of waves."""
    from PIL import Image

    across, down = np.meshgrid(np.linspace(0, 20, 640), np.linspace(0, 14, 480))
    waves = np.stack([np.sin(across), np.cos(down), np.sin(across * down / 9)], axis=-1)
    return Image.fromarray((waves * 127 + 128).astype(np.uint8))


def serve(side: str, folder: str) -> None:
    """Be one side: for each line that is read, answer and print the seconds and the tokens."""
    makers = {"pipeline": _pipeline, PEER: _peer}
    answer = makers[side](folder) if side in makers else _ours(side, folder)
    for _ in sys.stdin:
        started, used = time.perf_counter(), time.process_time()
        tokens = answer()
        spent = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - used}
        print(json.dumps({**spent, "tokens": tokens}), flush=True)


def _pipeline(folder: str) -> Callable[[], list[int]]:
    from transformers import pipeline

    whole = pipeline(TASK, model=folder, device="cpu", dtype="float32")
    asked, chosen = {"images": picture(), "text": QUESTION}, {"max_new_tokens": NEW, "do_sample": False}

    def answer() -> list[int]:
        found = whole(**asked, generate_kwargs=chosen, return_tensors=True)[0]["generated_token_ids"]
        return list(found[-NEW:].tolist())

    return answer


def _peer(folder: str) -> Callable[[], list[int]]:
    from optimum.intel import OVModelForVisualCausalLM
    from transformers import AutoProcessor

    model = OVModelForVisualCausalLM.from_pretrained(folder, ov_config=EXACT)
    processor = AutoProcessor.from_pretrained(folder)
    asked = {"images": picture(), "text": QUESTION}

    def answer() -> list[int]:
        given = processor(**asked, return_tensors="pt")
        return list(model.generate(**given, max_new_tokens=NEW, do_sample=False)[0, -NEW:].tolist())

    return answer


def _ours(side: str, folder: str) -> Callable[[], list[int]]:
    import ipfs_accelerate_py as ia

    handler = ia.load(folder, TASK, backend=side)
    asked = {"image": picture(), "text": QUESTION}
    return lambda: list(handler(asked, max_new_tokens=NEW)["tokens"])


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__, rounds=7)
    parser.add_argument("--sides", nargs="+", default=list(BACKENDS), help="ours, to be measured")
    parser.add_argument("--optimum-intel", metavar="PYTHON", help="the Python of an environment with it")
    parser.add_argument("--optimum-onnx", metavar="PYTHON", help="not used: it has no class for llava")
    parser.add_argument("--serve", nargs=2, metavar=("SIDE", "FOLDER"), help="be one of the sides")
    parser.add_argument("--make", metavar="FOLDER", help="write the checkpoint")
    given = parser.parse_args()
    if given.serve:
        return serve(*given.serve)
    if given.make:
        return write(given.make)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint, exported = f"{folder}/llava", f"{folder}/{PEER}"
        child([sys.executable, __file__, "--make", checkpoint])
        commands = {
            side: [sys.executable, __file__, "--serve", side, checkpoint]
            for side in ("pipeline", *given.sides)
        }
        if given.optimum_intel:
            child([given.optimum_intel, "-c", EXPORT, checkpoint, exported], **OFFLINE)
            commands[PEER] = [given.optimum_intel, __file__, "--serve", PEER, exported]
        with served(commands, **OFFLINE) as sides:
            results = in_turn(sides, given.rounds)
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
        rows.append([side, spread([run["seconds"] for run in runs]), clock, cpu])
    text = table(["side", "seconds for one answer", "times the pipeline", "times, CPU time"], rows)
    if not {PEER, "openvino"} <= set(results):
        return text
    ours, theirs = ([run["seconds"] for run in results[side]] for side in ("openvino", PEER))
    verdict = [f"{PEER} / openvino", ratio(ours, theirs, digits=2), f"{BUDGET:g}"]
    return f"{text}\n\n{table(['ratio of seconds', 'measured', 'at least'], [verdict])}"


if __name__ == "__main__":
    main()
