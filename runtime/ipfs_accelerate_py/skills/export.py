"""Exporting: the functions that generated modules call, and the child process that calls the module.

`bundle` runs it as `python -m ipfs_accelerate_py.skills.export ORDER`, with a JSON object that says what to export.
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

from ipfs_accelerate_py.errors import BundleError
from ipfs_accelerate_py.skills.arrays import Array, Module
from ipfs_accelerate_py.skills.batching import collate
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.head import Head, Part
from ipfs_accelerate_py.skills.text import TextInput

_MADE_WITH = ("torch", "transformers", "openvino", "onnxruntime", "onnx", "onnxscript")


def sample(head: Head, checkpoint: Checkpoint) -> dict[str, Array]:
    """Return a batch of the head's own sample inputs: of unequal length, so that no mask is all ones."""
    steps = head.steps(checkpoint)
    rows = [row for example in steps.prepare(steps.sample, steps.options) for row in example.rows]
    return collate(rows, steps.padding)


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


def named(head: Head, model: Module, checkpoint: Checkpoint) -> Module:
    """Return a torch module from the tensors of `head.inputs`, by name, to those of `head.outputs`, by name.

    This is what transformers' own exporters take; they also read the configuration of the model inside.
    """
    import torch

    graph = head.graph(model, checkpoint)

    class Graph(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
        def __init__(self) -> None:
            super().__init__()
            self.model = model  # so that its weights are the module's own
            self.config = model.config

        def forward(self, **tensors: Any) -> dict[str, Any]:
            return graph(tensors)

    return Graph().eval()


def named_tensors(head: Head, batch: dict[str, Array]) -> dict[str, Any]:
    """Return `batch` as torch tensors by the names of the head's inputs."""
    return dict(zip(head.inputs, example_tensors(head, batch), strict=True))


def named_axes(head: Head) -> dict[str, dict[int, Any]]:
    """Return the dynamic axes of each input by name, for transformers' exporters."""
    import torch

    size = torch.export.Dim.AUTO
    return {
        name: {place: size for place, axis in enumerate(port.axes) if axis in port.dynamic}
        for name, port in head.inputs.items()
    }


def openvino_inputs(head: Head | Part, batch: dict[str, Array]) -> list[tuple[Any, Any]]:
    """Return the (shape, type) of each input for `openvino.convert_model`, with the dynamic axes left open."""
    import openvino

    kinds = {"int64": openvino.Type.i64, "float32": openvino.Type.f32}
    shapes = []
    for name, port in head.inputs.items():
        sizes = [
            -1 if axis in port.dynamic else size
            for axis, size in zip(port.axes, batch[name].shape, strict=True)
        ]
        shapes.append((openvino.PartialShape(sizes), kinds[port.dtype]))
    return shapes


def openvino_shapes(tensors: Sequence[Any], open_axes: Sequence[Sequence[int]]) -> list[tuple[Any, Any]]:
    """Return the (shape, type) of each of `tensors` for `openvino.convert_model`, with the given axes left open."""
    import openvino
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


def onnx_axes(head: Head | Part) -> tuple[tuple[dict[int, Any], ...], ...]:
    """Return the dynamic axes of each input for `torch.onnx.export`; the outer tuple is that of `forward(*tensors)`."""
    import torch

    open_axis = torch.export.Dim.DYNAMIC
    return (
        tuple(
            {place: open_axis for place, axis in enumerate(port.axes) if axis in port.dynamic}
            for port in head.inputs.values()
        ),
    )


def onnx_axis_names(head: Head) -> dict[str, dict[int, str]]:
    """Return the dynamic axes of each input, and the first of each output, for the older exporter of torch.

    It finds the other axes of the outputs by itself.
    """
    inputs = {
        name: {place: axis for place, axis in enumerate(port.axes) if axis in port.dynamic}
        for name, port in head.inputs.items()
    }
    return inputs | {name: {0: "batch"} for name in head.outputs}


def load_module(path: Path) -> ModuleType:
    """Return the generated module in the file `path`, which need not be on the import path.

    Raises:
        BundleError: there is no such file.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
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
    if {"input_ids", "decoder_input_ids"} & set(head.inputs) and not (
        checkpoint.folder / "tokenizer.json"
    ).exists():
        tokenizer = TextInput(checkpoint, tuple(head.inputs), "").tokenizer
        tokenizer.save(str(folder / "tokenizer.json"))
    facts = {
        "route": route,
        "precision": "float32",
        "made_with": _versions(),
        "inputs": list(head.inputs),
        "outputs": list(head.outputs),
    }
    (folder / "export.json").write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
