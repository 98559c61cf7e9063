"""A handler: one loaded model on one backend, called with inputs and answering in plain dictionaries."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ipfs_accelerate_py.errors import InputError, unknown
from ipfs_accelerate_py.skills.arrays import Array, Batch, Features, Forward
from ipfs_accelerate_py.skills.batching import ROWS_PER_BATCH, batches
from ipfs_accelerate_py.skills.head import Answer, Example, Options, Steps

Many = Callable[[Sequence[Batch]], list[dict[str, Array]]]


@dataclass(frozen=True)
class Place:
    """Where a model runs: the backend, the device as that backend names it, and whether hardware was simulated."""

    backend: str
    device: str
    simulated: bool = False
    route: str = ""  # how the model was exported; empty for an eager one


class Handler:
    """Answers inputs of one task.

    Calling it with one input gives one dictionary, with a list a list of them in the same order. Every answer carries
    the checkpoint (`model`), `task`, `backend`, `device` and `inference_time`: the seconds of the call, shared evenly
    among its inputs.
    """

    def __init__(
        self,
        *,
        task: str,
        model: str,
        steps: Steps,
        forward: Forward,
        place: Place,
        many: Many | None = None,
    ) -> None:
        self.task = task
        self.model = model
        self.steps = steps
        self.forward = forward
        self.place = place
        self.reason = ""  # why this backend was chosen, where something chose it
        self._many = many

    def __repr__(self) -> str:
        return f"Handler({self.model!r}, {self.task!r}, backend={self.place.backend!r}, device={self.place.device!r})"

    def __call__(self, inputs: Any, *, on_error: Literal["raise", "keep"] = "raise", **options: Any) -> Any:
        """Return the answer to one input, or to a list of inputs the list of answers.

        With `on_error="keep"` an input of a list that cannot be used gives {"error": what is wrong with it} in its
        place, and the others are answered.

        Raises:
            InputError: an input cannot be used; for a list the message says which, and what is wrong with each.
            UnknownName: the task has no such option.
        """
        if on_error not in {"raise", "keep"}:
            raise unknown("on_error", str(on_error), ("raise", "keep"))
        alone = not isinstance(inputs, (list, tuple))
        items = [inputs] if alone else list(inputs)
        if not items:
            raise InputError("the list of inputs is empty; give at least one")
        started = time.perf_counter()
        chosen = self._options(options) if options or self.steps.required else self.steps.options
        try:
            answers = self._answers(self.steps.prepare(items, chosen), chosen)
        except InputError as error:
            if error.index is None:  # an option, or whatever concerns all of them
                raise
            if alone:
                raise InputError(error.fact) from error
            answers = self._kept(items, chosen, on_error)
        seconds = (time.perf_counter() - started) / len(items)
        place = self.place
        for answer in answers:
            answer["model"], answer["task"] = self.model, self.task
            answer["backend"], answer["device"] = place.backend, place.device
            answer["inference_time"] = seconds
            if place.simulated:
                answer["simulated"] = True
        return answers[0] if alone else answers

    def _options(self, given: Mapping[str, Any]) -> Options:
        for name in given:
            if name not in self.steps.options:
                raise unknown(f"{self.task} option", name, self.steps.options)
        if absent := [name for name in self.steps.required if name not in given]:
            raise InputError(f"{self.task} needs {absent[0]}=...")
        return {**self.steps.options, **given}

    def _kept(self, items: list[Any], options: Options, on_error: str) -> list[Answer]:
        """Return the answers to those of `items` that can be used, and what is wrong with the others in their places.

        Raises:
            InputError: they are not to be kept; it speaks of all that are wrong.
        """
        examples: list[Example] = []
        errors: dict[int, str] = {}
        for index, item in enumerate(items):
            try:
                examples += self.steps.prepare([item], options)
            except InputError as error:
                errors[index] = error.fact
        if on_error == "raise":
            raise InputError.of_several(errors)
        good = iter(self._answers(examples, options) if examples else [])
        return [{"error": errors[index]} if index in errors else next(good) for index in range(len(items))]

    def _answers(self, examples: Sequence[Example], options: Options) -> list[Answer]:
        rows: list[Features] = []
        for example in examples:
            rows += example.rows
        outputs = self.run(rows, options)
        answers = []
        first = 0
        for example in examples:
            last = first + len(example.rows)
            answer = self.steps.present(example, outputs[first:last], options)
            if example.notice:
                answer["notice"] = example.notice
            answers.append(answer)
            first = last
        return answers

    def run(self, rows: Sequence[Features], options: Options) -> list[dict[str, Array]]:
        """Return the outputs of each row, computed in batches of similar length."""
        if len(rows) == 1:
            feed: dict[str, Array] = {}
            for name, array in rows[0].items():  # a comprehension, or `collate`, would be one call more
                feed[name] = array[None]
            alone: dict[str, Array] = {}
            for name, array in self.forward(feed).items():
                alone[name] = array[0]
            return [alone]
        planned = list(batches(rows, self.steps.padding, ROWS_PER_BATCH))
        feeds = [batch for _, batch in planned]
        computed = (
            self._many(feeds) if self._many and len(feeds) > 1 else [self.forward(feed) for feed in feeds]
        )
        results: list[dict[str, Array]] = [{} for _ in rows]
        for (places, _), outputs in zip(planned, computed, strict=True):
            for row, place in enumerate(places):
                results[place] = {name: array[row] for name, array in outputs.items()}
        return results
