"""Whether a skill answers what a type's own processor makes of a text, a picture or a sound as transformers does."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.evidence.controls import Control, relative_change, sensitive
from ipfs_accelerate_py.evidence.gains import GAINS, for_writing
from ipfs_accelerate_py.evidence.lab import Bench
from ipfs_accelerate_py.evidence.processors import Own, Processing, asked
from ipfs_accelerate_py.evidence.tiny import saved
from ipfs_accelerate_py.evidence.variety import DISTINCT
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.given import CALL
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.own_processor import (
    LABELS,
    PAIR,
    START,
    TEXT,
    OwnProcessor,
    arrays_of,
    prepared,
    reading,
)
from ipfs_accelerate_py.skills.shown_arrays import KINDS

NEW: Final = 8  # tokens


@dataclass(frozen=True)
class Reading:
    """A small checkpoint with its processor, a handler that reads by it on the CPU, and the class itself."""

    bench: Bench
    processing: Processing
    handler: Handler

    @property
    def items(self) -> tuple[dict[str, Any], ...]:
        """What a user gives: texts of unequal length, each with a picture or a sound of its own."""
        return asked(self.processing)

    @property
    def writes(self) -> bool:
        """Whether the task is answered token by token."""
        return "max_new_tokens" in self.handler.steps.options

    def ours(self, item: Mapping[str, Any]) -> dict[str, Array]:
        """Return what the skill computes for `item`: of what it writes, the logits before the first token."""
        steps = self.handler.steps
        rows = [row for example in steps.prepare([item], steps.options) for row in example.rows]
        batch = getattr(self.handler, "batch", None)
        feed = batch(rows) if batch else {name: array[None] for name, array in rows[0].items()}
        found = self.handler.forward(feed)
        return {name: np.asarray(array[0], dtype=np.float32) for name, array in found.items()}

    def theirs(self, item: Mapping[str, Any]) -> dict[str, Array]:
        """Return the same from the class itself, given all that the processor makes and it takes."""
        import torch

        with torch.inference_mode():
            output = self.bench.model(**self._given(item))
        if self.writes:
            return {"logits": output.logits[0, -1].float().numpy()}
        head = self.bench.skill.heads[self.bench.task]
        whole = any(port.axes[0] == CALL for port in head.inputs.values())  # then no axis is one of rows
        found = {name: output[name].float().numpy() for name in head.outputs}
        return {name: array if whole else array[0] for name, array in found.items()}

    def written(self, item: Mapping[str, Any]) -> list[int]:
        """Return the tokens that the skill writes after `item`; [] where it writes none."""
        return list(self.handler(item, max_new_tokens=NEW)["tokens"]) if self.writes else []

    def generated(self, item: Mapping[str, Any]) -> list[int]:
        """Return those of transformers' own `generate()`, the likeliest."""
        import torch

        if not self.writes:
            return []
        given = self._given(item)
        first = given[START].shape[1] if START in given else given["input_ids"].shape[1]
        with torch.inference_mode():
            whole = self.bench.model.generate(**given, max_new_tokens=NEW, do_sample=False, num_beams=1)
        found: list[int] = whole[0, first:].tolist()
        return found

    def controls(self) -> list[Control]:
        """Return how far each thing that is given moves the result: another text, another picture, another sound."""
        first = self.items[0]
        right = self.theirs(first)
        found = []
        for name in first:
            other = _longer(first[name]) if name in (TEXT, PAIR) else _inverted(first[name])
            wrong = self.theirs({**first, name: other})
            shaped = {key: array for key, array in wrong.items() if array.shape == right[key].shape}
            moved = relative_change(right, wrong) if len(shaped) == len(right) else 1.0
            found.append(Control(f"another {name}", moved))
        return found

    @cached_property
    def _own(self) -> OwnProcessor:
        """The processor in the checkpoint, read once: some tokenizers take seconds."""
        return OwnProcessor(self.bench.checkpoint, arrays_of(self.handler.steps))

    def _given(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the processor makes of `item`, as far as the class takes it."""
        import torch

        own = self._own
        takes = inspect.signature(self.bench.model.forward).parameters
        names = {*own.axes, *({KINDS} & {*takes})}  # which the skill tells by the ids alone
        made = tensors(prepared(own.loaded, item, names))
        found = {name: each for name, each in made.items() if name in takes}
        if START in own.axes and START not in found:
            found[START] = torch.tensor([[own.start()]])
        return found


def tensors(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return those arrays that a processor `made` as tensors, but for what a model is to learn."""
    import torch

    return {
        name: torch.as_tensor(np.asarray(value))
        for name, value in made.items()
        if name != LABELS and hasattr(value, "shape")
    }


def reading_of(bench: Bench, processing: Processing, made: Own, config_class: Any, folder: Path) -> Reading:
    """Return the task of `bench` on a checkpoint with the processor that was `made`, of weights to which all matters.

    Where it writes, of weights after which it writes enough different tokens, if there are such.
    """
    first = None
    for place, gain in enumerate(_gains()):
        checkpoint = saved(
            folder / f"{bench.task}-{place}",
            lambda: bench.case.build(config_class(**made.config, **bench.case.config)),
            [made.processor],
            gain=gain,
        )
        found = _read_by(bench, processing, checkpoint)
        if sensitive(found.controls()):
            if not found.writes or all(len(set(found.generated(each))) >= DISTINCT for each in found.items):
                return found
            first = first or found
    return first or found


def _gains() -> Iterator[float]:
    yield from GAINS
    yield from for_writing()


def _read_by(bench: Bench, processing: Processing, checkpoint: Checkpoint) -> Reading:
    handler = bench.skill.load(checkpoint, bench.task, "cpu")
    there = Bench(bench.skill, bench.task, bench.case, checkpoint)
    return Reading(there, processing, reading(handler, checkpoint))


def _longer(text: str) -> str:
    """Return `text` with its last word again."""
    return f"{text} {text.rsplit(maxsplit=1)[-1]}"


def _inverted(given: Any) -> Any:
    """Return a picture's negative, and a sound backwards."""
    return [255 - each if each.ndim == 3 else np.ascontiguousarray(each[::-1]) for each in given]
