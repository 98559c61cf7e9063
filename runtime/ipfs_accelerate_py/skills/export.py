"""Exporting: the functions that generated modules call, and the child process that calls the module.

`bundle` runs it as a module, with a JSON object that says what to export.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import BundleError, CheckpointError
from ipfs_accelerate_py.skills.arrays import Array, Module
from ipfs_accelerate_py.skills.batching import collate
from ipfs_accelerate_py.skills.checkpoint import VOCABULARIES, Checkpoint
from ipfs_accelerate_py.skills.head import Head, Part
from ipfs_accelerate_py.skills.lean_openvino import silent_openvino
from ipfs_accelerate_py.skills.text import TextInput

_MADE_WITH = ("torch", "transformers", "openvino", "onnxruntime", "onnx", "onnxscript")


def samples(head: Head, checkpoint: Checkpoint) -> list[dict[str, Array]]:
    """Return the head's own sample inputs as batches: all of them, each alone, and then those of another size.

    They are of unequal length: together, no mask is all ones, and alone, rows and lengths are others.
    """
    steps = head.steps(checkpoint)

    def batch(inputs: Sequence[Any]) -> list[dict[str, Array]]:
        rows = [row for example in steps.prepare(inputs, steps.options) for row in example.rows]
        fitting = [row for row in rows if row.keys() == head.inputs.keys()]  # a tower is fed by some of them
        return [collate(fitting, steps.padding)] if fitting else []

    return [
        *batch(steps.sample),
        *(each for one in steps.sample for each in batch([one])),
        *(batch(steps.other) if steps.other else ()),  # a head without one may refuse to prepare nothing
    ]


def example_tensors(head: Head | Part, batch: dict[str, Array]) -> tuple[Any, ...]:
    """Return `batch` as torch tensors in the order of the head's inputs."""
    import torch

    return tuple(torch.from_numpy(batch[name]) for name in head.inputs)


def traceable(head: Head, model: Module, checkpoint: Checkpoint) -> Module:
    """Return a torch module from the tensors of `head.inputs`, in order, to those of `head.outputs`, in order."""
    import torch

    graph = head.graph(model, checkpoint)

    class Graph(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
        def __init__(self) -> None:
            super().__init__()
            self.model = model  # so that its weights are the module's own

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            outputs = graph(dict(zip(head.inputs, tensors, strict=True)))
            return tuple(outputs[name] for name in head.outputs)

    return Graph().eval()


def begun(graph: Module, tensors: Sequence[Any]) -> Module:
    """Return `graph`, called once: what a model does at its first call (RWKV divides its weights) is no part of it."""
    import torch

    with torch.no_grad():
        graph(*(tensor.clone() for tensor in tensors))
    return graph


def openvino_shapes(tensors: Sequence[Any], open_axes: Sequence[Sequence[int]]) -> list[tuple[Any, Any]]:
    """Return the (shape, type) of each of `tensors` for `openvino.convert_model`, with the given axes left open."""
    openvino = silent_openvino()
    import torch

    kinds = {torch.int64: openvino.Type.i64, torch.float32: openvino.Type.f32}
    return [
        (
            openvino.PartialShape([-1 if axis in axes else size for axis, size in enumerate(tensor.shape)]),
            kinds[tensor.dtype],
        )
        for tensor, axes in zip(tensors, open_axes, strict=True)
    ]


def onnx_open(open_axes: Sequence[Sequence[int]]) -> tuple[tuple[dict[int, Any], ...], ...]:
    """Return the given axes of each input for `torch.onnx.export`; the outer tuple is that of `forward(*tensors)`."""
    import torch

    return (tuple(dict.fromkeys(axes, torch.export.Dim.DYNAMIC) for axes in open_axes),)


def name_openvino_ports(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Give the ports of a converted model their names, in order.

    Raises:
        BundleError: the converter dropped or added a port, so that the order no longer tells which is which.
    """
    for kind, ports, names in (("inputs", model.inputs, inputs), ("outputs", model.outputs, outputs)):
        if len(ports) != len(names):
            raise BundleError(
                f"the exported model has {len(ports)} {kind} where {', '.join(names)} were expected"
            )
        for port, name in zip(ports, names, strict=True):
            port.get_tensor().set_names({name})


def load_module(path: Path) -> ModuleType:
    """Return the generated module in the file `path`, which need not be on the import path.

    In a vendored copy it is a module of the package that holds the copy, from which it imports.

    Raises:
        BundleError: there is no such file.
    """
    home = (__package__ or "").split(".")[:-2]  # nothing above ipfs_accelerate_py.skills
    spec = importlib.util.spec_from_file_location(".".join([*home, path.stem]), path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BundleError(f"{path}: no such generated module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _versions() -> dict[str, str]:
    found = {}
    for name in _MADE_WITH:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _has_tokenizer(checkpoint: Checkpoint) -> bool:
    return (checkpoint.folder / "tokenizer.json").is_file()


def _end_with(parent: int) -> None:
    """End this process when `parent` was killed: nobody would take what it makes."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main(order: Mapping[str, Any]) -> None:
    """Export in this process: the model files and `export.json`, which the parent turns into the manifest."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # exporters print, and nobody reads it
    threading.Thread(target=_end_with, args=(order["parent"],), daemon=True).start()
    sys.path[:] = order["path"]
    module, folder = Path(order["module"]), Path(order["folder"])
    checkpoint, task, backend = Checkpoint(order["checkpoint"]), order["task"], order["backend"]
    os.environ["HF_HUB_OFFLINE"] = "1"  # the checkpoint is here; an export fetches nothing
    skill = load_module(module).SKILL
    head = skill.heads[task]
    route = skill.exporters[backend](checkpoint, task, folder)
    taken = {name for each in (head, *head.parts.values()) for name in each.inputs}
    written = any((checkpoint.folder / name).is_file() for name in VOCABULARIES)
    if taken & {"input_ids", "decoder_input_ids"} and written and not _has_tokenizer(checkpoint):
        try:
            tokenizer = TextInput(checkpoint, tuple(head.inputs), "").tokenizer
        except CheckpointError:
            if not _takes_arrays(head, checkpoint):  # which needs no tokenizer.json
                raise
        else:
            tokenizer.save(str(folder / "tokenizer.json"))
    facts = {
        "route": route,
        "precision": "float32",
        "made_with": _versions(),
        "inputs": list(head.inputs),
        "outputs": list(head.outputs),
    }
    (folder / "export.json").write_text(json.dumps(facts), encoding="utf-8")


def _takes_arrays(head: Head, checkpoint: Checkpoint) -> bool:
    """Whether `head` is given arrays by name."""
    item = head.steps(checkpoint).sample[0]
    return isinstance(item, Mapping) and any(isinstance(each, np.ndarray) for each in item.values())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
