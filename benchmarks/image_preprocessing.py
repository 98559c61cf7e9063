"""Making images ready, against transformers' image processors that work with Pillow.

    python benchmarks/image_preprocessing.py

Both sides get the same Pillow images of 640x480, and the same settings at their usual sizes. They take turns in one
process, on one thread, and what they give is compared.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measuring import in_turn, middle, options, ratio, report, table
from PIL import Image

BUDGET = 1.0  # times the images per second of transformers
TOLERANCE = 1e-5
CLASSES = (
    "ViTImageProcessorPil",
    "ConvNextImageProcessorPil",
    "CLIPImageProcessorPil",
    "DetrImageProcessorPil",
)


def pictures(count: int) -> list[Any]:
    """Return smooth pictures with a little noise, as photographs have."""
    chance = np.random.default_rng(3)
    down, across = np.mgrid[0:480, 0:640]
    waves = (
        np.stack([np.sin(across / 60), np.cos(down / 45), np.sin((across + down) / 80)], axis=-1) * 100 + 128
    )
    return [
        Image.fromarray((waves + chance.normal(0, 8, waves.shape)).clip(0, 255).astype(np.uint8))
        for _ in range(count)
    ]


def sides(name: str, folder: Path, given: list[Any]) -> dict[str, Callable[[], float]]:
    """Return both sides for one class of image processor: each call gives the seconds for all images."""
    import transformers

    from ipfs_accelerate_py.skills.checkpoint import Checkpoint
    from ipfs_accelerate_py.skills.image import ImageInput

    theirs = getattr(transformers, name)()
    theirs.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "none"}))
    ours = ImageInput(Checkpoint(str(folder)), "")
    want = theirs(given[0], return_tensors="np")["pixel_values"][0]
    difference = float(np.abs(ours.pixels(given[0]) - want).max())
    assert difference <= TOLERANCE, f"{name}: differs by {difference}"

    def timed(work: Callable[[], Any]) -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return {
        "ours": lambda: timed(lambda: ours.images(given)),
        "theirs": lambda: timed(lambda: [theirs(image, return_tensors="np") for image in given]),
    }


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__, rounds=7)
    parser.add_argument("--images", type=int, default=8)
    told = parser.parse_args()
    given, rows = pictures(told.images), []
    for name in CLASSES:
        with tempfile.TemporaryDirectory() as folder:
            results = in_turn(sides(name, Path(folder), given), told.rounds)
        speeds = [f"{told.images / middle(results[side]):.0f}" for side in ("ours", "theirs")]
        rows.append([name, *speeds, ratio(results["ours"], results["theirs"]), str(BUDGET)])
    header = ["image processor", "images per second", "transformers", "times", "at least"]
    report("image preprocessing", table(header, rows), write=told.write)


if __name__ == "__main__":
    main()
