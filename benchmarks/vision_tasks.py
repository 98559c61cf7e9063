"""DETR's objects and CLIP's candidate labels, against transformers' pipelines on PyTorch.

    python benchmarks/vision_tasks.py

The checkpoints have random weights and the sizes of detr-resnet-50 and clip-vit-base-patch32; they are made in a
temporary folder, offline. Every side is loaded before the time starts, and the sides take turns on the same images.
The labels of CLIP are the same in all calls, as they are when a stream of images is sorted.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from image_preprocessing import pictures
from measuring import in_turn, middle, options, ratio, report, table

BUDGET = 1.2  # times the images per second of the pipeline, for the faster of the exported backends
TOLERANCE = 1e-3
LABELS = [
    "a cat",
    "a dog",
    "rain",
    "a red car",
    "two people who talk",
    "a bowl of soup",
    "snow",
    "a tree",
    "a boat",
    "a map",
]


def detr(folder: Path) -> dict[str, Any]:
    """Write a random detr-resnet-50; return what its task is asked with."""
    from transformers import DetrConfig, DetrForObjectDetection, DetrImageProcessorPil, ResNetConfig

    backbone = ResNetConfig(out_features=["stage4"])
    DetrForObjectDetection(DetrConfig(backbone_config=backbone)).save_pretrained(folder)
    DetrImageProcessorPil().save_pretrained(folder)
    return {"threshold": 0.0}


def clip(folder: Path) -> dict[str, Any]:
    """Write a random clip-vit-base-patch32; return what its task is asked with."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    from ipfs_accelerate_py.evidence.tiny import told, trained

    tokenizer = trained(CLIPTokenizer)
    CLIPModel(CLIPConfig(**told({}, "text_config.vocab_size", tokenizer))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil().save_pretrained(folder)
    return {"candidate_labels": LABELS}


TASKS: dict[str, tuple[str, Callable[[Path], dict[str, Any]]]] = {
    "detr": ("object-detection", detr),
    "clip": ("zero-shot-image-classification", clip),
}


def measured(name: str, folder: Path, images: list[Any], rounds: int, backends: list[str]) -> list[list[str]]:
    """Return the rows of the table for one model type."""
    import torch
    from transformers import pipeline

    import ipfs_accelerate_py as ia

    task, make = TASKS[name]
    torch.manual_seed(0)  # so that an export is found again the next time
    asked = make(folder)
    theirs = pipeline(task, model=str(folder), device="cpu")
    handlers = {backend: ia.load(str(folder), task, backend) for backend in backends}
    want = _scores(theirs(images[0], **asked))
    for backend, handler in handlers.items():
        answer = handler(images[0], **asked)
        apart = np.abs(_scores(answer.get("objects") or answer["labels"]) - want).max()
        assert apart <= TOLERANCE, f"{name} on {backend}: differs by {apart}"

    def timed(work: Callable[[Any], Any]) -> Callable[[], float]:
        def run() -> float:
            started = time.perf_counter()
            for image in images:
                work(image)
            return time.perf_counter() - started

        return run

    sides = {backend: timed(partial(handler, **asked)) for backend, handler in handlers.items()}
    results = in_turn({"pipeline": timed(partial(theirs, **asked)), **sides}, rounds)
    return [
        [
            f"{name}, {task}",
            side,
            f"{len(images) / middle(seconds):.2f}",
            ratio(seconds, results["pipeline"], digits=2),
            str(BUDGET) if side == "openvino" else "",
        ]
        for side, seconds in results.items()
    ]


def _scores(answer: list[dict[str, Any]]) -> Any:
    return np.sort([entry["score"] for entry in answer])


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__, rounds=5)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--types", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--backends", nargs="+", default=["openvino", "onnxruntime"])
    told = parser.parse_args()
    rows: list[list[str]] = []
    for name in told.types:
        with tempfile.TemporaryDirectory() as folder:
            rows += measured(name, Path(folder), pictures(told.images), told.rounds, told.backends)
    header = ["model and task", "side", "images per second", "times the pipeline", "at least"]
    report("vision tasks", table(header, rows), write=told.write)


if __name__ == "__main__":
    main()
