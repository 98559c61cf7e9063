"""Whether a type's own image processor can be made offline, and heads that take pictures alone answer what it makes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from inspect import signature
from typing import Any, Final

from ipfs_accelerate_generator.spec import Head, ModelSpec, Seen
from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.processed import drawn, sized
from ipfs_accelerate_generator.survey.relatives import image_processor
from ipfs_accelerate_generator.survey.running import forward
from ipfs_accelerate_py.evidence.cells import EvidenceError
from ipfs_accelerate_py.evidence.comparison import TOLERANCE, compare
from ipfs_accelerate_py.evidence.controls import needed
from ipfs_accelerate_py.evidence.sight import Seeing, inverted, made_of, moved, shown
from ipfs_accelerate_py.skills.own_pictures import PIXELS, seen_alone

_GAINS: Final = (1.0, 2.0, 4.0, 8.0)
"""Of the weights: as they are drawn, some models answer every picture alike."""
_ROWS: Final = 4
"""Axes of pictures where each is a row; of several together there is one more, their number."""


def seen(spec: ModelSpec) -> Seen:
    """Return the image processor of the type, and the tasks of `spec` that answer what it makes.

    It is empty where there is none without torchvision, it cannot be made of its defaults, it wants more than
    pictures, or no head that is given arrays takes what it makes and nothing else that matters.
    """
    heads = [head for head in spec.heads if head.tensors and seen_alone(head.inputs)]
    name = image_processor(spec) if heads else ""
    if not name:
        return Seen()
    shape = next(each.shape for each in heads[0].tensors if each.name == PIXELS)
    seeing = Seeing(name, edge=shape[-1], count=shape[1] if len(shape) > _ROWS else 1)
    tasks = tuple(head.task for head in heads if _answers(spec, head, seeing))
    return Seen(tasks=tasks, image_processor=name, edge=seeing.edge, count=seeing.count) if tasks else Seen()


def _answers(spec: ModelSpec, head: Head, seeing: Seeing) -> bool:
    """Whether `head` gives the same of its arrays as of all that its class takes, and pictures move it far enough."""
    for gain in _GAINS:
        with suppress(EvidenceError, *FOREIGN):
            model = drawn(spec, head, spec.tiny, gain)
            takes = signature(getattr(model, head.method or "forward")).parameters
            processor = seeing.made(model.config)
            rights = []
            for pictures in shown(seeing.count):
                made = made_of(processor, pictures)
                told = {name: each for name, each in made.items() if name in head.inputs}
                if not set(head.inputs) <= set(told) or not sized(head, told):
                    return False
                every = _output(head, model, {name: each for name, each in made.items() if name in takes})
                if not compare(_output(head, model, told), every).within(TOLERANCE):
                    return False
                rights.append(every)
            other = made_of(processor, inverted(shown(seeing.count)[0]))
            wrong = _output(head, model, {name: each for name, each in other.items() if name in takes})
            if moved(rights[0], wrong) >= needed():
                return True
    return False


def _output(head: Head, model: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"output": forward(model, given, head.method)[head.output].numpy()}
