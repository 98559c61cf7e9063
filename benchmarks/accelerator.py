"""Our handlers on a GPU against transformers on the same GPU: sentences, images, and tokens of a llama.

    python benchmarks/accelerator.py --backend cuda

All models have random weights and the sizes of bert-base, vit-base and a llama of 97 million parameters, in float32;
they are made in a temporary folder, offline. Both sides are loaded before the time starts and take turns on the same
inputs; what they answer to the first eight is compared first.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from generation_speed import NEW, PROMPT, VOCABULARY, write
from image_preprocessing import pictures
from measuring import in_turn, options, ratio, report, spread, table

BATCH = 32
TOLERANCE = (
    1e-3  # that of all proofs: of vectors relative to the largest number, of scores, of prompts that differ
)
# the name that PyTorch has for the device of one of our backends
DEVICES = {"cpu": "cpu", "cuda": "cuda:0", "rocm": "cuda:0", "xpu": "xpu:0", "mps": "mps"}


def sentences(folder: Path, device: str, count: int) -> tuple[str, list[Any], Callable[[Any], Any]]:
    """Write a random bert-base; return its inputs and what transformers does with them."""
    from transformers import BertConfig, BertModel, BertTokenizer, pipeline

    from ipfs_accelerate_py.evidence.tiny import trained

    tokenizer = trained(BertTokenizer)
    BertModel(BertConfig(vocab_size=len(tokenizer))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    chance = random.Random(33)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "rain", "fell"]
    texts = [
        " ".join(chance.choices(words, k=min(200, max(2, round(chance.lognormvariate(3.19, 0.85))))))
        for _ in range(count)
    ]
    theirs = pipeline("feature-extraction", model=str(folder), device=device)

    def vectors(items: list[str]) -> list[Any]:
        return [each[0].numpy() for each in theirs(items, batch_size=BATCH, return_tensors=True)]

    return "feature-extraction", texts, vectors


def images(folder: Path, device: str, count: int) -> tuple[str, list[Any], Callable[[Any], Any]]:
    """Write a random vit-base; return its inputs and what transformers does with them."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil, pipeline

    ViTForImageClassification(ViTConfig(num_labels=10)).save_pretrained(folder)
    ViTImageProcessorPil().save_pretrained(folder)
    theirs = pipeline("image-classification", model=str(folder), device=device)
    return "image-classification", pictures(count), partial(theirs, batch_size=BATCH, top_k=10)


def prompts(folder: Path, device: str, count: int) -> tuple[str, list[Any], Callable[[Any], Any]]:
    """Write a random llama; return its inputs and what transformers does with them."""
    import torch
    from transformers import LlamaForCausalLM

    write(str(folder))
    model = LlamaForCausalLM.from_pretrained(folder).eval().to(device)

    def generate(items: list[dict[str, list[int]]]) -> list[list[int]]:
        given = torch.tensor([item["input_ids"] for item in items], device=device)
        mask = torch.ones_like(given)
        out = model.generate(given, attention_mask=mask, max_new_tokens=NEW, do_sample=False)
        return list(out[:, given.shape[1] :].tolist())

    ids = np.random.default_rng(count).integers(10, VOCABULARY, size=(count, PROMPT))
    return "text-generation", [{"input_ids": row.tolist()} for row in ids], generate


def same_vectors(ours: Any, theirs: Any) -> float:
    """Return how far our embeddings are from the mean of the pipeline's token vectors, a lone text at a time."""
    return max(
        float(np.abs(np.asarray(a["embedding"]) - b.mean(0)).max() / np.abs(b).max())
        for a, b in zip(ours, theirs, strict=True)
    )


def same_labels(ours: Any, theirs: Any) -> float:
    """Return how far our scores are from the pipeline's."""
    return max(
        abs(left["score"] - right["score"])
        for a, b in zip(ours, theirs, strict=True)
        for left, right in zip(a["labels"], b, strict=True)
    )


def same_tokens(ours: Any, theirs: Any) -> float:
    """Return the share of prompts whose tokens differ."""
    return sum(a["tokens"] != b for a, b in zip(ours, theirs, strict=True)) / len(theirs)


CASES: dict[str, tuple[Any, int, Any, dict[str, Any]]] = {
    "bert-base, 1,000 texts": (sentences, 1000, same_vectors, {}),
    "vit-base, 64 images": (images, 64, same_labels, {"top_k": 10}),
    "llama, 1 prompt": (prompts, 1, same_tokens, {"max_new_tokens": NEW, "return_full_text": False}),
    "llama, 8 prompts": (prompts, 8, same_tokens, {"max_new_tokens": NEW, "return_full_text": False}),
}


def measured(case: str, backend: str, rounds: int) -> list[str]:
    """Return one row of the table."""
    import torch

    import ipfs_accelerate_py as ia

    make, count, apart, asked = CASES[case]
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        task, items, theirs = make(Path(folder), DEVICES[backend], count)
        handler = ia.load(folder, task, backend)
        few = items[:8]
        alone = [theirs([item])[0] for item in few] if make is sentences else theirs(few)
        difference = apart(handler(few, **asked), alone)
        assert difference <= TOLERANCE, f"{case}: differs by {difference}"

        def timed(work: Callable[[Any], Any]) -> Callable[[], float]:
            def run() -> float:
                started = time.perf_counter()
                work(items)
                return time.perf_counter() - started

            return run

        results = in_turn({"ours": timed(partial(handler, **asked)), "theirs": timed(theirs)}, rounds)
    per = NEW * count if make is prompts else count
    unit = "tokens" if make is prompts else "items"
    speeds = [spread([per / seconds for seconds in results[side]], 0) for side in ("ours", "theirs")]
    return [case, unit, *speeds, ratio(results["ours"], results["theirs"], digits=2), f"{difference:.0e}"]


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__, rounds=5)
    parser.add_argument("--backend", default="cuda", choices=list(DEVICES))
    given = parser.parse_args()
    from ipfs_accelerate_py.hardware.probe import probe

    found = probe(given.backend).require()
    where = f"On {found.devices[0].name}, {found.details['library']}:"
    rows = [measured(case, given.backend, given.rounds) for case in CASES]
    header = ["model and inputs", "per second", "ours", "transformers", "times", "difference"]
    report("accelerator", f"{where}\n\n{table(header, rows)}", write=given.write)


if __name__ == "__main__":
    main()
