"""DETR's objects and CLIP's candidate labels, against transformers' pipelines and the optimum packages.

    python benchmarks/vision_tasks.py --optimum-intel PYTHON --optimum-onnx PYTHON

The checkpoints have random weights and the sizes of detr-resnet-50 and clip-vit-base-patch32; they are made in a
temporary folder, offline. Each side is a process of its own that has loaded the model and answered once; then the sides
take turns on the same images. The labels of CLIP are the same in all calls, as they are when a stream of images is
sorted. A peer's side is run by the Python of its own environment, on a model that it exported beforehand; neither has a
class for DETR.
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
from image_preprocessing import pictures
from measuring import child, in_turn, options, ratio, report, served, spread, table

BUDGETS = {"pipeline": 1.2, "optimum-intel": 1.0, "optimum-onnx": 1.0}  # times the images per second of each
TOLERANCE = 1e-3
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
# peer -> (its module, its class, our backend on the same engine)
PEERS = {
    "optimum-intel": ("optimum.intel", "OVModelForZeroShotImageClassification", "openvino"),
    "optimum-onnx": ("optimum.onnxruntime", "ORTModelForZeroShotImageClassification", "onnxruntime"),
}
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


def detr(folder: str) -> None:
    """Write a random detr-resnet-50."""
    from transformers import DetrConfig, DetrForObjectDetection, DetrImageProcessorPil, ResNetConfig

    backbone = ResNetConfig(out_features=["stage4"])
    DetrForObjectDetection(DetrConfig(backbone_config=backbone)).save_pretrained(folder)
    DetrImageProcessorPil().save_pretrained(folder)


def clip(folder: str) -> None:
    """Write a random clip-vit-base-patch32."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    from ipfs_accelerate_py.evidence.tiny import told, trained

    tokenizer = trained(CLIPTokenizer)
    CLIPModel(CLIPConfig(**told({}, "text_config.vocab_size", tokenizer))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil().save_pretrained(folder)


# type -> (its task, how it is written, what it is asked with, the peers that have a class for it)
TASKS: dict[str, tuple[str, Callable[[str], None], dict[str, Any], tuple[str, ...]]] = {
    "detr": ("object-detection", detr, {"threshold": 0.0}, ()),
    "clip": ("zero-shot-image-classification", clip, {"candidate_labels": LABELS}, tuple(PEERS)),
}


def write(name: str, folder: str) -> None:
    """Write a checkpoint."""
    import torch

    torch.manual_seed(0)  # so that an export is found again the next time
    TASKS[name][1](folder)
    print(json.dumps(folder))


def export(side: str, folder: str, exported: str) -> None:
    """Export with a peer, in its environment."""
    from transformers import AutoTokenizer

    _peer_class(side).from_pretrained(folder, export=True).save_pretrained(exported)
    AutoTokenizer.from_pretrained(folder).save_pretrained(exported)
    _clip_processor().from_pretrained(folder).save_pretrained(exported)
    print(json.dumps(exported))


def serve(side: str, name: str, folder: str, count: int) -> None:
    """Be one side: for each line that is read, answer for each image and print the seconds and the scores."""
    asked = TASKS[name][2]
    images = pictures(count)
    answer = _answer(side, name, folder)
    for _ in sys.stdin:
        started = time.perf_counter()
        found = [answer(image, **asked) for image in images]
        seconds = time.perf_counter() - started
        scores = [sorted(entry["score"] for entry in each) for each in found]
        print(json.dumps({"seconds": seconds, "scores": scores}), flush=True)


def _answer(side: str, name: str, folder: str) -> Callable[..., list[dict[str, Any]]]:
    task = TASKS[name][0]
    if side == "pipeline":
        from transformers import pipeline

        whole: Callable[..., list[dict[str, Any]]] = pipeline(task, model=folder, device="cpu")
        return whole
    if side in PEERS:
        from transformers import AutoTokenizer, pipeline

        exact = {"ov_config": {"INFERENCE_PRECISION_HINT": "f32"}} if side == "optimum-intel" else {}
        parts = {
            "model": _peer_class(side).from_pretrained(folder, **exact),
            "tokenizer": AutoTokenizer.from_pretrained(folder),
            "image_processor": _clip_processor().from_pretrained(folder),
        }
        peer: Callable[..., list[dict[str, Any]]] = pipeline(task, **parts)
        return peer
    import ipfs_accelerate_py as ia

    handler = ia.load(folder, task, side)

    def answer(image: Any, **asked: Any) -> list[dict[str, Any]]:
        found = handler(image, **asked)
        return list(found["objects"] if "objects" in found else found["labels"])

    return answer


def _peer_class(side: str) -> Any:
    from importlib import import_module

    module, name, _ = PEERS[side]
    return getattr(import_module(module), name)


def _clip_processor() -> Any:
    """Return the class that works with Pillow, which transformers 5 names so."""
    import transformers

    return getattr(transformers, "CLIPImageProcessorPil", None) or transformers.CLIPImageProcessor


def measured(name: str, given: Any) -> list[list[str]]:
    """Return the rows of the table for one model type."""
    task, _, _, peers = TASKS[name]
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = str(Path(folder) / name)
        child([sys.executable, __file__, "--make", name, checkpoint], **OFFLINE)
        sides = {side: (sys.executable, checkpoint) for side in ("pipeline", *given.backends)}
        for peer in peers:
            if python := getattr(given, peer.replace("-", "_")):
                exported = str(Path(folder) / peer)
                child([python, __file__, "--export", peer, checkpoint, exported], **OFFLINE)
                sides[peer] = (python, exported)
        commands = {
            side: [python, __file__, "--serve", side, name, where, str(given.images)]
            for side, (python, where) in sides.items()
        }
        with served(commands, **OFFLINE) as processes:
            results = in_turn(processes, given.rounds)
    want = np.asarray(results["pipeline"][0]["scores"])
    rows = []
    for side, runs in results.items():
        apart = np.abs(np.asarray(runs[0]["scores"]) - want).max()
        assert apart <= TOLERANCE, f"{name} on {side}: differs by {apart}"
        seconds = [run["seconds"] for run in runs]
        judged = [
            f"{ratio(seconds, [run['seconds'] for run in results[other]], digits=2)}, at least {BUDGETS[other]:g}"
            for other in ("pipeline", *peers)
            if other in results
            and side in given.backends
            and (other == "pipeline" or PEERS[other][2] == side)
        ]
        rows.append([f"{name}, {task}", side, spread([given.images / each for each in seconds]), *judged])
    return [row + [""] * (5 - len(row)) for row in rows]


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__, rounds=5)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--types", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--backends", nargs="+", default=["openvino", "onnxruntime"])
    for peer in PEERS:
        parser.add_argument(f"--{peer}", metavar="PYTHON", help=f"the Python of an environment with {peer}")
    parser.add_argument("--make", nargs=2, metavar=("TYPE", "FOLDER"), help="write a checkpoint")
    parser.add_argument("--export", nargs=3, metavar=("PEER", "FROM", "TO"), help="export with a peer")
    parser.add_argument("--serve", nargs=4, metavar=("SIDE", "TYPE", "FOLDER", "IMAGES"), help="be a side")
    told = parser.parse_args()
    if told.make:
        return write(*told.make)
    if told.export:
        return export(*told.export)
    if told.serve:
        return serve(*told.serve[:3], int(told.serve[3]))
    rows = [row for name in told.types for row in measured(name, told)]
    header = ["model and task", "side", "images per second", "times the pipeline", "times the peer"]
    report("vision tasks", table(header, rows), write=told.write)


if __name__ == "__main__":
    main()
