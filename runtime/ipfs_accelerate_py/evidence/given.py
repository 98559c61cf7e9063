"""The workbench of generated tests whose inputs are arrays by name: inputs of several sizes, faults and controls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.errors import AccelerateError
from ipfs_accelerate_py.evidence.cells import EvidenceError
from ipfs_accelerate_py.evidence.comparison import TOLERANCE, Array
from ipfs_accelerate_py.evidence.controls import Control, relative_change, sensitive
from ipfs_accelerate_py.evidence.gains import for_writing
from ipfs_accelerate_py.evidence.lab import Bench, Case, Lab
from ipfs_accelerate_py.evidence.steadiness import steady
from ipfs_accelerate_py.evidence.variety import DISTINCT, each_varied, told_apart, written
from ipfs_accelerate_py.skills.batching import collate
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.given import ArrayInput, Inputs
from ipfs_accelerate_py.skills.libraries import failures
from ipfs_accelerate_py.skills.skill import Skill
from ipfs_accelerate_py.skills.stretched import REFUSALS

_SEED: Final = 7
# Tried in turn until every input matters and slightly wrong weights show; less than one, where a tower without norms
# drowns what is written behind it, or where chances are all 0 or 1. Without norms a little more or less is much.
_GAINS: Final = (1.0, 2.0, 3.0, 4.0, 0.25, 6.0, 8.0, 0.8, 0.7, 0.45)
_MORE: Final = range(101, 109)  # seeds of more inputs, of which those count after which enough is written
_SIZES: Final[tuple[Callable[[int], int], ...]] = (
    lambda size: 2 * size,
    lambda size: max(size // 2, 1),
    lambda size: size + 1,
    lambda size: max(size - 1, 1),
)

FAULTS: Final = (
    "a number",
    "a text",
    "nothing in it",
    "a name too many",
    "an axis too many",
    "words",
    "ragged",
)


@dataclass(frozen=True)
class ArrayCase(Case):
    """One task of a generated test; its inputs are drawn, of sizes that the model takes."""

    inputs: tuple[Any, ...] = ()
    given: Inputs = field(default_factory=dict)
    whole: bool = False


class ArrayBench(Bench):
    """What one task is tested on; its batch is of other sizes than the sample that exports trace."""

    case: ArrayCase

    @cached_property
    def batch(self) -> dict[str, Array]:
        """The inputs that have the sizes of the first; of whole calls the first alone."""
        head = self.skill.heads[self.task]
        steps = head.steps(self.checkpoint)
        rows = [
            row for example in steps.prepare(list(self.case.inputs), steps.options) for row in example.rows
        ]
        alike = [row for row in rows if _sizes(row) == _sizes(rows[0])]
        return collate(alike[:1] if self.case.whole else alike, {})

    def controls(self, forward: Callable[[Mapping[str, Array]], Mapping[str, Array]]) -> list[Control]:
        """Return how far each input, with other numbers in it, moves the result, and whether wrong weights show.

        Where the model itself refuses the numbers that would matter, as for the sizes of a grid or of a picture, what
        is tested must refuse them, too, or give something else for them. Where it refuses all numbers of an input,
        there is nothing to move it by.

        Raises:
            EvidenceError: an input moves the result that is said not to.
        """
        right = forward(self.batch)
        found = list(self.keenness)
        others, refused = self._tried
        for name, wrong in others.items():
            moved = relative_change(right, forward({**self.batch, name: wrong}))
            if not self.case.given[name].idle:
                if moved == 0 and name in refused:
                    moved = _answers_otherwise(forward, {**self.batch, name: refused[name]}, right)
                found.append(Control(f"{name} changed", moved))
            elif moved > TOLERANCE:
                raise EvidenceError(f"{name} is said not to matter, and moved the result by {moved:.3g}")
        if len(found) == len(self.keenness):
            raise EvidenceError(
                "the model refuses every other number in every input: nothing would be proved"
            )
        return found

    @cached_property
    def _tried(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Other numbers for each input: of those that the eager model takes, the ones that move its result most.

        And for each input numbers that it refuses, if there are such.
        """
        right = self.reference(self.batch)
        refused: dict[str, Array] = {}
        chosen: dict[str, Array] = {}
        for name, array in self.batch.items():
            most = -1.0
            for wrong in _others(array):
                if np.array_equal(wrong, array):
                    continue
                try:
                    moved = relative_change(right, self.reference({**self.batch, name: wrong}))
                except EvidenceError:  # it answers, with what cannot be measured
                    continue
                except REFUSALS:
                    refused.setdefault(name, wrong)
                    continue
                if moved > most:
                    most, chosen[name] = moved, wrong
        return chosen, refused


class ArrayLab(Lab):
    """Benches and handlers of one skill that is given arrays."""

    def bench(self, task: str) -> ArrayBench:
        """Return what `task` is tested on, with the smallest gain of the weights at which every input matters.

        Where the same is written after each input at that gain, one at which it is not, if there is such; and behind a
        cache, which a repeated token would not need, one at which enough different tokens are and which is steady: if
        there is none, the smallest such gain for other inputs.
        """
        if task not in self._benches:
            self._benches[task] = self._prepared(task)
        known = self._benches[task]
        assert isinstance(known, ArrayBench)
        return known

    def _prepared(self, task: str) -> ArrayBench:
        case = self._cases[task]
        assert isinstance(case, ArrayCase)
        keeps = self.skill.heads[task].session is not None
        found: list[ArrayBench] = []
        for place, gain in enumerate((*_GAINS, *for_writing())):
            if place == len(_GAINS) and not found:
                break
            checkpoint = self._write(self._folder / f"{task}-{place}", case, gain)
            try:
                fitted = _with_inputs(self.skill, task, case, checkpoint)
            except EvidenceError:
                if place:  # so large weights give infinity for inputs of every size
                    continue
                raise
            bench = ArrayBench(self.skill, task, fitted, checkpoint)
            if sensitive(bench.controls(bench.reference)):
                if told_apart(bench) and (not keeps or (each_varied(bench) and steady(bench))):
                    return bench
                found.append(bench)
        others = (_with_varied_inputs(each) for each in found if keeps and steady(each))
        return next((each for each in others if each is not None), (found or [bench])[0])


def _with_varied_inputs(bench: ArrayBench) -> ArrayBench | None:
    """Return `bench` with more inputs to choose from, each the first of its place that enough is written after.

    None where there is a place without any, or where not each of the inputs matters.
    """
    case, arrays = bench.case, ArrayInput(bench.checkpoint, bench.case.given, whole=bench.case.whole)
    count, sizes = len(case.inputs), _sizes(case.inputs[0])
    more = (each for seed in _MORE for each in (*arrays.drawn(seed, sizes), *arrays.drawn(seed))[-count:])
    every = (*case.inputs, *more)
    told = written(replace(bench, case=replace(case, inputs=every)))
    enough = [len(set(tokens)) >= DISTINCT for tokens in told]
    chosen = tuple(
        item
        for place in range(count)
        for item in tuple(compress(every[place::count], enough[place::count]))[:1]
    )
    if len(chosen) < count:
        return None
    found = replace(bench, case=replace(case, inputs=chosen))
    return found if told_apart(found) and sensitive(found.controls(found.reference)) else None


def _with_inputs(skill: Skill, task: str, case: ArrayCase, checkpoint: Checkpoint) -> ArrayCase:
    """Return `case` with inputs of other sizes, as the model takes them, and of the sample's.

    Raises:
        EvidenceError: the model takes no other sizes, although its axes are said to vary.
    """
    arrays = ArrayInput(checkpoint, case.given, whole=case.whole)
    usual = arrays.drawn(_SEED)
    for sizes in _other_sizes(arrays, case):
        inputs = (*arrays.drawn(_SEED + 1, sizes), *usual)
        trial = ArrayBench(skill, task, replace(case, inputs=inputs), checkpoint)
        try:
            outputs = trial.reference(trial.batch)
        except REFUSALS:
            continue
        if all(np.isfinite(output).all() for output in outputs.values()):
            return replace(case, inputs=inputs)
    free = any(each.vary and not len(each.values) for each in case.given.values()) and not any(
        len(each.values) and not _is_mask(np.asarray(each.values)) for each in case.given.values()
    )
    if arrays.resized or free:
        raise EvidenceError(f"{task} takes no other sizes than {arrays.sizes}, although axes vary")
    return replace(case, inputs=usual)


def _other_sizes(arrays: ArrayInput, case: ArrayCase) -> Iterator[Mapping[str, tuple[int, ...]]]:
    """Yield the sizes of the second sample where there is one, else what the axes that vary may be changed to."""
    if arrays.resized:
        yield arrays.other_sizes
        return
    for change in _SIZES if any(each.vary for each in case.given.values()) else ():
        yield {
            name: tuple(
                change(size) if axis in each.vary else size for axis, size in enumerate(arrays.sizes[name])
            )
            for name, each in case.given.items()
        }


def _answers_otherwise(
    forward: Callable[[Mapping[str, Array]], Mapping[str, Array]],
    batch: Mapping[str, Array],
    right: Mapping[str, Array],
) -> float:
    """Return how far what `forward` gives for `batch` is from `right`; 1, all of it, where it gives no such thing."""
    # An engine refuses in its own words.
    refusals: tuple[type[Exception], ...] = (*REFUSALS, *failures(), AccelerateError)
    try:
        return relative_change(right, forward(batch))
    except refusals:
        return 1.0


def _sizes(row: Mapping[str, Array]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in row.items()}


def _is_mask(array: Array) -> bool:
    return set(np.unique(array)) <= {0, 1}


def _others(array: Array) -> Iterator[Array]:
    """Yield arrays like `array` with other numbers in them."""
    random = np.random.default_rng(_SEED + 2)
    if array.dtype.kind == "f":
        yield np.asarray(random.standard_normal(array.shape), dtype=array.dtype)
        return
    if _is_mask(array):
        yield 1 - array
        yield np.ones_like(array)
        yield np.where(np.arange(array.size).reshape(array.shape) % 2 == 0, array, 0)
        yield np.where(
            np.arange(array.shape[-1]) < array.shape[-1] // 2, array, 0
        )  # whole patches are hidden
    else:
        yield random.permutation(array.reshape(-1)).reshape(array.shape)
        yield np.where(array > array.min(), array - 1, array)
    for axis in range(array.ndim):
        yield np.ascontiguousarray(np.flip(array, axis))
        yield np.roll(array, 1, axis)


def faulty(fault: str, item: Mapping[str, Array]) -> Any:
    """Return what is wrong about `item` in the way that `FAULTS` names."""
    first = next(iter(item))
    wrong: dict[str, Any] = {
        "a number": 7,
        "a text": "rain",
        "nothing in it": {},
        "a name too many": {**item, "nothing_useful": item[first]},
        "an axis too many": {**item, first: item[first][None]},
        "words": {**item, first: np.full(item[first].shape, "rain")},
        "ragged": {**item, first: [[1, 2], [3]]},
    }
    return wrong[fault]


def grown(array: Array, axis: int) -> Array:
    """Return `array` with one more of its `axis`, also where it has none of it."""
    more = np.ones((*array.shape[:axis], 1, *array.shape[axis + 1 :]), dtype=array.dtype)
    return np.concatenate([array, more], axis=axis)


def counting(tiny: Mapping[str, Any], vocabulary: str, count: int) -> dict[str, Any]:
    """Return `tiny`, the fields of a configuration, with `count` at the dotted field `vocabulary`, if it names one.

    Of places of tokens, unlike words, there are more where `tiny` says more: a picture alone may take as many.
    """
    key, _, rest = vocabulary.partition(".")
    if not key:
        return dict(tiny)
    if rest:
        return {**tiny, key: counting(tiny.get(key, {}), rest, count)}
    known = tiny.get(key)
    return {**tiny, key: max(count, known) if "position" in key and isinstance(known, int) else count}
