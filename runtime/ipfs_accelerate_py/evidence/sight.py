"""Whether a head answers a picture as its class answers what the type's own image processor makes of it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.evidence.controls import Control, relative_change, sensitive
from ipfs_accelerate_py.evidence.gains import GAINS
from ipfs_accelerate_py.evidence.lab import Bench
from ipfs_accelerate_py.evidence.processed import tensors
from ipfs_accelerate_py.evidence.processors import image_processor
from ipfs_accelerate_py.evidence.tiny import saved
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.given import CALL
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.own_pictures import reading
from ipfs_accelerate_py.skills.own_processor import IMAGES

_SIZES: Final = ((40, 60), (52, 36), (44, 48))
_SEED: Final = 5


@dataclass(frozen=True)
class Seeing:
    """How pictures come to a head: by the class `image_processor`, and so many for one answer.

    `edge` is that of its small pictures where no field of the configuration says one. `method` is that of the class
    which answers, "" its forward, and `path` leads from its output to the answer.
    """

    image_processor: str
    edge: int
    count: int = 1
    method: str = ""
    path: tuple[str | int, ...] = ()

    def made(self, config: Any) -> Any:
        """Return the image processor, of defaults and of sizes that the small configuration `config` takes."""
        return image_processor(self.image_processor, config.to_dict(), self.edge)


def shown(count: int) -> tuple[tuple[Array, ...], ...]:
    """Return what two users give: pictures of unequal sizes, `count` of them each."""
    random = np.random.default_rng(_SEED)
    return tuple(
        tuple(
            random.integers(0, 255, (*_SIZES[(user + place) % len(_SIZES)], 3), dtype=np.uint8)
            for place in range(count)
        )
        for user in range(2)
    )


def inverted(pictures: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the negatives of `pictures`."""
    return tuple(np.asarray(255 - each, dtype=np.uint8) for each in pictures)


def made_of(processor: Any, pictures: tuple[Array, ...]) -> dict[str, Any]:
    """Return what `processor` makes of `pictures`, as tensors: by transformers' face alone."""
    from PIL import Image

    return tensors(processor(images=[Image.fromarray(each) for each in pictures], return_tensors="np"))


@dataclass(frozen=True)
class Sight:
    """A small checkpoint with its image processor, a handler that sees by it on the CPU, and the class itself."""

    bench: Bench
    seeing: Seeing
    handler: Handler

    @property
    def items(self) -> tuple[tuple[Array, ...], ...]:
        """What users give: pictures of unequal sizes."""
        return shown(self.seeing.count)

    def ours(self, pictures: tuple[Array, ...]) -> dict[str, Array]:
        """Return the numbers of the skill's answer to `pictures`."""
        answer = self.handler({IMAGES: list(pictures)})
        return {name: np.asarray(answer[name], dtype=np.float32) for name in self._head.outputs}

    def theirs(self, pictures: tuple[Array, ...]) -> dict[str, Array]:
        """Return the same from the class itself, given all that the image processor makes and it takes."""
        import torch

        call = getattr(self.bench.model, self.seeing.method or "forward")
        takes = inspect.signature(call).parameters
        given = {name: each for name, each in made_of(self._processor, pictures).items() if name in takes}
        with torch.inference_mode():
            output: Any = call(**given)
            first, *others = self._head.outputs
            every = {name: output[name] for name in others}
            for key in self.seeing.path:
                output = output[key]
            every[first] = output
        # Where a call is whole, no axis is one of rows.
        whole = any(port.axes[0] == CALL for port in self._head.inputs.values())
        return {name: (each if whole else each[0]).float().numpy() for name, each in every.items()}

    def controls(self) -> list[Control]:
        """Return how far another picture moves the result."""
        first = self.items[0]
        return [Control("another picture", moved(self.theirs(first), self.theirs(inverted(first))))]

    @cached_property
    def _processor(self) -> Any:
        from transformers import AutoImageProcessor

        return AutoImageProcessor.from_pretrained(
            self.bench.checkpoint.folder, backend="pil", local_files_only=True
        )

    @property
    def _head(self) -> Any:
        return self.bench.skill.heads[self.bench.task]


def moved(right: Mapping[str, Array], wrong: Mapping[str, Array]) -> float:
    """Return how far `wrong` is from `right`; 1, all of it, where it has another shape, as keypoints found have."""
    alike = all(np.shape(wrong[name]) == np.shape(each) for name, each in right.items())
    return relative_change(right, wrong) if alike else 1.0


def sight(bench: Bench, seeing: Seeing, folder: Path) -> Sight:
    """Return the task of `bench` on a checkpoint with its image processor, of weights to which a picture matters."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(bench.checkpoint.folder, local_files_only=True)
    processor = seeing.made(config)
    for place, gain in enumerate(GAINS):
        checkpoint = saved(
            folder / f"{bench.task}-{place}", lambda: bench.case.build(config), [processor], gain=gain
        )
        handler = reading(bench.skill.load(checkpoint, bench.task, "cpu"), checkpoint)
        found = Sight(Bench(bench.skill, bench.task, bench.case, checkpoint), seeing, handler)
        if sensitive(found.controls()):
            break
    return found
