"""The workbench of generated tests: checkpoints, handlers, references and controls of one skill, each made once."""

from __future__ import annotations

import inspect
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ipfs_accelerate_py.evidence.absent import lacks, or_skipped
from ipfs_accelerate_py.evidence.cells import EvidenceError
from ipfs_accelerate_py.evidence.comparison import Array
from ipfs_accelerate_py.evidence.controls import Control, relative_change, sensitive
from ipfs_accelerate_py.evidence.forgetting import forgotten
from ipfs_accelerate_py.evidence.gains import GAINS, for_writing
from ipfs_accelerate_py.evidence.keenness import keenness
from ipfs_accelerate_py.evidence.variety import enough, varied
from ipfs_accelerate_py.evidence.wrongs import wrongs
from ipfs_accelerate_py.hardware.backend import TORCH_BACKENDS
from ipfs_accelerate_py.skills import export_server
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.engine_eager import EagerEngine
from ipfs_accelerate_py.skills.generation import Generator
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.session import prompts
from ipfs_accelerate_py.skills.shown_arrays import COUNT, FITTED
from ipfs_accelerate_py.skills.shown_sizes import MEASURES
from ipfs_accelerate_py.skills.skill import Skill
from ipfs_accelerate_py.skills.vision_language import COUNTED

_WARM_UP, _TIMED = 3, 10  # calls


@dataclass(frozen=True)
class Case:
    """One task of a generated test: its checkpoint, inputs that belong together in a batch, and options."""

    build: Callable[[Mapping[str, Any]], Any]  # configuration fields -> model
    inputs: tuple[Any, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    left: bool = False  # texts are filled up at the left: to a causal tower padding at the right is nothing


Write = Callable[[Path, Case, float], Checkpoint]  # folder, case, gain of the weights


@dataclass(frozen=True)
class Bench:
    """What one task of a skill is tested on."""

    skill: Skill
    task: str
    case: Case
    checkpoint: Checkpoint

    @cached_property
    def batch(self) -> dict[str, Array]:
        """All inputs of the case in one padded batch: of another size and length than the sample that exports trace.

        Where rows feed one tower each, the batch of every tower.
        """
        head = self.skill.heads[self.task]
        steps = head.steps(self.checkpoint)
        examples = steps.prepare(list(self.case.inputs), {**steps.options, **self.case.options})
        rows = [row for example in examples for row in example.rows]
        towers: dict[tuple[str, ...], list[Mapping[str, Array]]] = {}
        for row in rows:
            towers.setdefault(tuple(row), []).append(row)
        whole = {
            name: array
            for group in towers.values()
            for name, array in prompts(group, steps.padding, side=steps.side).items()
        }
        return _left(whole) if self.case.left else whole

    def reference(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Return what the eager model computes for `batch` on the CPU in float32, with the plain form of attention."""
        import torch

        head = self.skill.heads[self.task]
        if head.session is not None:
            engine = EagerEngine(head, self.model, self.checkpoint)
            with engine.decoding() as decoder:
                return {"logits": head.session(engine, decoder).begin(batch)}
        with torch.inference_mode():
            outputs = self._graph({name: torch.from_numpy(array) for name, array in batch.items()})
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    @cached_property
    def model(self) -> Any:
        """The eager model, float32, with the plain form of attention."""
        model = self.skill.heads[self.task].model(self.checkpoint, dtype="float32", attention="eager")
        return model.requires_grad_(False)

    @cached_property
    def _graph(self) -> Callable[..., dict[str, Any]]:
        return self.skill.heads[self.task].graph(self.model, self.checkpoint)

    def controls(self, forward: Callable[[Mapping[str, Array]], Mapping[str, Array]]) -> list[Control]:
        """Return how far each input, made wrong on purpose, moves the result, and whether slightly wrong weights show.

        Ids are moved along, masks and marks turned over, pictures put upside down. Masks and places may be wrong in
        two ways, of which that counts which moves more: what comes after a text is nothing to a decoder.
        """
        right = forward(self.batch)
        found = list(self.keenness)
        for name, array in self.batch.items():
            if name in COUNTED or name in MEASURES or name == FITTED or name.startswith(COUNT):
                continue
            moved = [
                relative_change(right, forward({**self.batch, name: each})) for each in wrongs(name, array)
            ]
            found.append(Control(f"{name} changed", max(moved)))
        return found

    @cached_property
    def keenness(self) -> list[Control]:
        """Whether weights that are a little wrong would show; of the reference, whatever is tested against it."""
        return keenness(self)

    def saved_again(self, folder: Path) -> Checkpoint:
        """Return the checkpoint as transformers loads and saves it."""
        self.model.save_pretrained(folder)
        for source in self.checkpoint.folder.iterdir():
            if source.name not in {"config.json", "model.safetensors"}:
                shutil.copyfile(source, folder / source.name)
        return Checkpoint(str(folder))


def _left(batch: Mapping[str, Array]) -> dict[str, Array]:
    """Return `batch` with its texts moved to the right, filled up in front with their first token."""
    mask = batch["attention_mask"]
    padding = (mask == 0).sum(axis=-1, keepdims=True)
    places = (np.arange(mask.shape[-1]) - padding) % mask.shape[-1]
    moved = {
        name: np.take_along_axis(array, places, axis=-1) if array.shape == mask.shape else array
        for name, array in batch.items()
    }
    first = batch["input_ids"][..., :1]
    return {**moved, "input_ids": np.where(moved["attention_mask"] == 0, first, moved["input_ids"])}


def prepared(skill: Skill, task: str, case: Case, write: Write, folder: Path) -> Bench:
    """Return a bench with the first gain of the weights at which every input matters and what is written varies.

    Where there is none, the first at which every input matters and enough is written; weights from other seeds are
    tried where too little is.
    """
    found: list[Bench] = []
    for place, gain in enumerate((*GAINS, *for_writing())):
        if place == len(GAINS) and (not found or enough(found[0])):
            break
        bench = Bench(skill, task, case, write(folder / f"{task}-{place}", case, gain))
        if sensitive(bench.controls(bench.reference)):
            found.append(bench)
            if varied(bench):
                return bench
    return next(filter(enough, found), (found or [bench])[0])


class Lab:
    """Benches and handlers of one skill, made when they are first asked for."""

    def __init__(
        self,
        skill: Skill,
        cases: Mapping[str, Case],
        write: Write,
        folder: Path,
    ) -> None:
        self.skill = skill
        self._cases = cases
        self._write = or_skipped(write)
        self._folder = folder
        self._benches: dict[str, Bench] = {}
        self._handlers: dict[tuple[str, str], Handler] = {}
        # An export that fails takes longest, and each test of its backend asks for it.
        self._failed: dict[tuple[str, str], Exception] = {}

    def bench(self, task: str) -> Bench:
        """Return what `task` is tested on."""
        if task not in self._benches:
            self._benches[task] = prepared(self.skill, task, self._cases[task], self._write, self._folder)
        return self._benches[task]

    def handler(self, task: str, backend: str) -> Handler:
        """Return a handler of the task's checkpoint; if this machine lacks the backend, skip before a model runs."""
        lacks(backend)
        if backend not in TORCH_BACKENDS:
            export_server.start()
        if (task, backend) in self._failed:
            raise self._failed[task, backend]
        if (task, backend) not in self._handlers:
            checkpoint = self.bench(task).checkpoint
            try:
                self._handlers[task, backend] = self.skill.load(checkpoint, task, backend)
            except Exception as error:
                self._failed[task, backend] = error
                raise
        return self._handlers[task, backend]

    def pipeline(self, task: str) -> Any:
        """Return transformers' own pipeline for the task's checkpoint, in float32 on the CPU.

        Its images go through Pillow, as ours do: torchvision, where it is installed, scales them a bit differently.
        """
        from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoTokenizer, pipeline

        bench = self.bench(task)
        folder = str(bench.checkpoint.folder)
        settings = bench.checkpoint.json("preprocessor_config.json")
        through: dict[str, Any] = {}
        if "image_processor_type" in settings:
            through["image_processor"] = AutoImageProcessor.from_pretrained(folder, backend="pil")
        loaded = inspect.signature(self.skill.heads[task].model).parameters["attention"].default
        if loaded:  # the reference has plain attention, and the fused form would give other numbers
            through["model_kwargs"] = {"attn_implementation": loaded}
        try:
            return pipeline(task, model=folder, dtype="float32", device="cpu", **through)
        except ValueError as error:
            if "Could not load model" not in str(error):
                raise
        # No table of transformers' leads to its class, as to those of towers: the pipeline is given the model itself.
        if "feature_extractor_type" in settings:
            through["feature_extractor"] = AutoFeatureExtractor.from_pretrained(folder)
        if (bench.checkpoint.folder / "tokenizer.json").is_file():
            through["tokenizer"] = AutoTokenizer.from_pretrained(folder)
        return pipeline(task, model=bench.model, device="cpu", **through)

    def eager(self, task: str) -> tuple[Any, Any]:
        """Return the task's eager model and the processor that transformers loads for its checkpoint."""
        from transformers import AutoProcessor

        bench = self.bench(task)
        return bench.model, AutoProcessor.from_pretrained(bench.checkpoint.folder)

    def eager_reading(self, task: str) -> tuple[Any, Any]:
        """Return the task's eager model and the tokenizer that transformers loads for its checkpoint."""
        from transformers import AutoTokenizer

        bench = self.bench(task)
        return bench.model, AutoTokenizer.from_pretrained(bench.checkpoint.folder)

    def eager_hearing(self, task: str) -> tuple[Any, Any]:
        """Return the task's eager model and the feature extractor that transformers loads for its checkpoint."""
        from transformers import AutoFeatureExtractor

        bench = self.bench(task)
        return bench.model, AutoFeatureExtractor.from_pretrained(bench.checkpoint.folder)

    def median_seconds(self, task: str, backend: str) -> float:
        """Return the median time of one call with one input, after warm-up."""
        handler, case = self.handler(task, backend), self.bench(task).case
        times = []
        for _ in range(_WARM_UP + _TIMED):
            started = time.perf_counter()
            handler(case.inputs[0], **case.options)
            times.append(time.perf_counter() - started)
        return median(times[_WARM_UP:])

    def longer(self, item: Any, limit: int) -> Any:
        """Return `item` with its last text so long that it has more than `limit` tokens."""
        if isinstance(item, str):
            return item + " rain" * limit
        last = list(item)[-1]
        value = item[last]
        return {
            **item,
            last: (
                [text + " rain" * limit for text in value]
                if isinstance(value, list)
                else value + " rain" * limit
            ),
        }

    def without_cache(self, task: str, backend: str) -> float:
        """Return how far the logits of a second step move if the backend forgot what it read in the first."""
        generator = self.handler(task, backend)
        if not isinstance(generator, Generator):
            raise EvidenceError(f"{task} on {backend} does not decode, so it has no cache to drop")
        return forgotten(generator, self.bench(task).batch)


def flat(answer: Any, name: str = "") -> dict[str, Array]:
    """Return the numbers of an answer, by their place in it: real ones, and lists of whole ones, such as tokens.

    A matrix or a map is one output, as a model's are: in a row that is nearly all zeros, rounding would look large.
    """
    if isinstance(answer, Mapping):
        kept = {key: value for key, value in answer.items() if key != "inference_time"}
        return {key: value for inner in kept for key, value in flat(kept[inner], f"{name}.{inner}").items()}
    if isinstance(answer, float | np.floating):
        return {name: np.asarray([answer])}
    if isinstance(answer, list | tuple) and answer and {type(value) for value in answer} in ({float}, {int}):
        return {name: np.asarray(answer)}
    if isinstance(answer, list | tuple):
        if (table := _table(answer)) is not None:
            return {name: table}
        return {
            key: value
            for place, inner in enumerate(answer)
            for key, value in flat(inner, f"{name}[{place}]").items()
        }
    return {}


def _table(answer: Sequence[Any]) -> Array | None:
    """Return nested lists of real numbers, as many in each, as one array; None for anything else."""
    try:
        found = np.asarray(answer)
    except ValueError:  # of unequal lengths
        return None
    return found if found.dtype.kind == "f" and found.size else None


_ANSWERING = """
import json, pickle, sys
from pathlib import Path
from statistics import median
from ipfs_accelerate_py.skills import Checkpoint
from ipfs_accelerate_py.skills.export import load_module
module, checkpoint, task, backend = sys.argv[1:5]
handler = load_module(Path(module)).SKILL.load(Checkpoint(checkpoint), task, backend)
item, options = pickle.load(sys.stdin.buffer)
handler(item, **options)
print(json.dumps(sorted(name.partition(".")[0] for name in sys.modules)))
"""


def imports_after_answering(
    module: str | None, checkpoint: Checkpoint, task: str, backend: str, case: Case
) -> set[str]:
    """Return the top-level modules that a fresh process has imported after it loaded a handler and answered once."""
    import pickle

    command = [sys.executable, "-c", _ANSWERING, str(module), str(checkpoint.folder), task, backend]
    done = subprocess.run(
        command, input=pickle.dumps((case.inputs[0], dict(case.options))), capture_output=True, check=False
    )
    if done.returncode:
        raise EvidenceError(
            f"{task} on {backend} did not answer in a process of its own: {done.stderr.decode()[-500:]}"
        )
    return set(json.loads(done.stdout.decode().splitlines()[-1]))


def cells(skill: Skill, *, exported: bool = False) -> list[tuple[str, str]]:
    """Return every (task, backend) that `skill` offers; only those that run from a bundle if `exported`."""
    found = [(task, backend) for task in skill.heads for backend in skill.backends(task)]
    return [pair for pair in found if not exported or pair[1] not in TORCH_BACKENDS]


def expecting(pairs: Iterable[tuple[str, str]], failing: Mapping[tuple[str, str], str]) -> list[Any]:
    """Return `pairs` as pytest parameters, those in `failing` marked as failures that must happen."""
    import pytest

    marks = {pair: (pytest.mark.xfail(strict=True, reason=reason),) for pair, reason in failing.items()}
    return [pytest.param(*pair, marks=marks.get(pair, ())) for pair in pairs]
