"""Ways to export a graph, tried one after the other until one gives what PyTorch gives at other sizes, too.

A graph that was traced may have kept a size, or a way that only the traced input takes. So none is believed: what it
makes is run on inputs of other sizes, with the weights of the very checkpoint that is exported, and compared.
"""

from __future__ import annotations

import importlib.util
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.errors import BundleError, unknown
from ipfs_accelerate_py.skills import begun_scans, cache, export, onnx_program, openvino_program, rewrites
from ipfs_accelerate_py.skills.agreement import fault_of
from ipfs_accelerate_py.skills.arrays import Array, Module
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.head import Head, Part
from ipfs_accelerate_py.skills.lean_openvino import silent_openvino
from ipfs_accelerate_py.skills.stretched import stretched

_OPSET: Final = 17  # the first in which the norm of a layer is one operation


@dataclass(frozen=True)
class Traced:
    """A graph ready to be exported: a module from tensors in order to tensors in order, with examples."""

    graph: Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: tuple[Any, ...]
    """The inputs that it is traced with."""
    open_axes: tuple[tuple[int, ...], ...]
    """The axes that vary, of each of `tensors`."""
    others: tuple[tuple[Any, ...], ...]
    """Inputs of other sizes, which what is made is compared with PyTorch on."""
    config: Any
    """The configuration of the model inside, which transformers' own exporters read."""
    reference: Module | None = None
    """What gives what `graph` has to, where that is not what `graph` itself gives on eager PyTorch."""


def of_head(head: Head, model: Module, checkpoint: Checkpoint) -> Traced:
    """Return the graph of a head that runs once, traced with its sample inputs; compared on each of them alone.

    Where all of these have one size, it is compared on longer and shorter ones, too.
    """
    samples = [export.example_tensors(head, batch) for batch in export.samples(head, checkpoint)]
    tensors, *others = samples
    graph = export.begun(export.traceable(head, model, checkpoint), tensors)
    return Traced(
        graph=graph,
        inputs=tuple(head.inputs),
        outputs=head.outputs,
        tensors=tensors,
        open_axes=_open_axes(head),
        others=(*others, *stretched(graph, samples, _open_axes(head))),
        config=model.config,
    )


def of_part(
    head: Head, name: str, model: Module, checkpoint: Checkpoint, traces: Sequence[cache.Trace]
) -> Traced:
    """Return the graph of one part of a head that decodes, such as its encoder; `traces` are `cache.traces`'s."""
    part = head.parts[name]
    trace, *others = traces
    graph, outputs = cache.traceable_part(head, name, model, checkpoint, trace)
    return Traced(
        graph=graph,
        inputs=tuple(part.inputs),
        outputs=tuple(outputs),
        tensors=export.example_tensors(part, trace.parts[name]),
        open_axes=_open_axes(part),
        others=tuple(export.example_tensors(part, other.parts[name]) for other in others),
        config=model.config,
    )


def of_decoder(head: Head, model: Module, checkpoint: Checkpoint, traces: Sequence[cache.Trace]) -> Traced:
    """Return the graph of a decoder with its cache laid open; `traces` are `cache.traces`'s."""
    trace, *others = traces
    graph = cache.traceable_decoder(head, model, checkpoint, trace)
    sizes = {"steps": len(trace.step), "given": len(trace.names), "outputs": len(trace.outputs)}
    return Traced(
        graph=graph,
        inputs=(*trace.names, *trace.past),
        outputs=(*trace.outputs, *trace.present),
        tensors=trace.tensors,
        open_axes=tuple(trace.open_axes(head)),
        others=tuple(other.tensors for other in others),
        config=model.config,
        reference=begun_scans.token_by_token(graph, **sizes) if begun_scans.forgets(model) else None,
    )


def _open_axes(of: Head | Part) -> tuple[tuple[int, ...], ...]:
    return tuple(
        tuple(place for place, axis in enumerate(port.axes) if axis in port.dynamic)
        for port in of.inputs.values()
    )


def write_onnx(traced: Traced, path: Path, first: str) -> str:
    """Write `traced` as the ONNX file `path`, and return the name of the way that worked; `first` is tried first.

    Raises:
        BundleError: none did; the message says of each why.
    """
    ways: dict[str, Callable[[], None]] = {
        "torchscript": lambda: _torchscript(traced, path),
        "exporters": lambda: _onnx_exporters(traced, path),
        "dynamo": lambda: _dynamo(traced, path),
    }
    if first != "dynamo" and importlib.util.find_spec("transformers.exporters") is not None:
        del ways["dynamo"]  # transformers' exporters are it, with rewrites of their own
    route, _ = _first(ways, first, lambda _: _compare(traced, _onnx_runner(path, traced)))
    _complete(traced, path)
    return route


def converted(traced: Traced, first: str) -> tuple[Any, str]:
    """Return `traced` as a model of OpenVINO, its ports named, and the name of the way that worked.

    Raises:
        BundleError: none did; the message says of each why.
    """
    ways: Mapping[str, Callable[[], Any]] = {
        "convert_model": lambda: _convert_model(traced),
        "onnx": lambda: _through_onnx(traced),
        "exporters": lambda: _openvino_exporters(traced),
    }

    route, model = _first(ways, first, lambda model: _compare(traced, _openvino_runner(model, traced)))
    return model, route


def _first(
    ways: Mapping[str, Callable[[], Any]], first: str, compare: Callable[[Any], None]
) -> tuple[str, Any]:
    if first not in ways:
        raise unknown("export route", first, ways)
    wrong: list[str] = []
    for name in (first, *(each for each in ways if each != first)):
        try:
            # Each tells of its deprecations and of what it traced, and nobody reads it.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with rewrites.traced():
                    made = ways[name]()
                compare(made)
        # Exporters raise whatever they came upon, some a class of their own.
        except Exception as error:  # noqa: BLE001
            lines = str(error).strip().splitlines() or [type(error).__name__]
            wrong.append(f"{name}: {type(error).__name__}: {lines[0][:300]}")
        else:
            return name, made
    raise BundleError(f"no way to export agrees with PyTorch. {'; '.join(wrong)}")


# --- ways to ONNX


def _torchscript(traced: Traced, path: Path) -> None:
    """By tracing: a fiftieth of the time of `dynamo`, and ONNX Runtime is as fast with it."""
    import torch

    axes = {
        name: {place: f"{name}_{place}" for place in places}
        for name, places in zip(traced.inputs, traced.open_axes, strict=True)
        if places
    }
    torch.onnx.export(
        traced.graph,
        traced.tensors,
        path,
        dynamo=False,
        input_names=list(traced.inputs),
        output_names=list(traced.outputs),
        dynamic_axes=axes | {name: {0: f"{name}_0"} for name in traced.outputs},
        opset_version=_OPSET,
    )


def _dynamo(traced: Traced, path: Path) -> None:
    import torch

    program = torch.onnx.export(
        traced.graph,
        traced.tensors,
        dynamo=True,
        dynamic_shapes=export.onnx_open(traced.open_axes),
        input_names=list(traced.inputs),
        output_names=list(traced.outputs),
        verbose=False,
    )
    onnx_program.save(program, path)


def _onnx_exporters(traced: Traced, path: Path) -> None:
    import onnx_ir
    from transformers.exporters import OnnxConfig, OnnxExporter

    settings = OnnxConfig(dynamic_shapes=_named_axes(traced))
    made, _ = OnnxExporter().export_program(_named(traced), _named_tensors(traced), settings)
    for ports, names in ((made.graph.inputs, traced.inputs), (made.graph.outputs, traced.outputs)):
        for port, name in zip(ports, names, strict=True):
            port.name = name
    onnx_ir.save(made, path)


def _complete(traced: Traced, path: Path) -> None:
    """Give the graph in `path` an input for each of `traced`, so that whoever feeds it need not know what it uses."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    present = {port.name for port in model.graph.input}
    for name, tensor, places in zip(traced.inputs, traced.tensors, traced.open_axes, strict=True):
        if name not in present:
            kind = onnx.TensorProto.FLOAT if tensor.is_floating_point() else onnx.TensorProto.INT64
            shape = [f"{name}_{axis}" if axis in places else size for axis, size in enumerate(tensor.shape)]
            model.graph.input.append(onnx.helper.make_tensor_value_info(name, kind, shape))
    if len(model.graph.input) > len(present):
        onnx.save(model, str(path))


# --- ways to OpenVINO


def _convert_model(traced: Traced) -> Any:
    openvino = silent_openvino()

    model = openvino.convert_model(
        traced.graph,
        example_input=traced.tensors,
        input=export.openvino_shapes(traced.tensors, traced.open_axes),
    )
    export.name_openvino_ports(model, traced.inputs, traced.outputs)
    return model


def _through_onnx(traced: Traced) -> Any:
    """Read what the way over ONNX makes: its converter knows operations that PyTorch's lacks."""
    openvino = silent_openvino()

    with tempfile.TemporaryDirectory(prefix="onnx-") as folder:
        path = Path(folder) / "model.onnx"
        _torchscript(traced, path)
        _complete(traced, path)
        return openvino.convert_model(path)


def _openvino_exporters(traced: Traced) -> Any:
    from transformers.exporters import OpenVINOConfig, OpenVINOExporter

    settings = OpenVINOConfig(dynamic_shapes=_named_axes(traced), stateful=False)
    model, _ = OpenVINOExporter().export_program(_named(traced), _named_tensors(traced), settings)
    export.name_openvino_ports(model, traced.inputs, traced.outputs)
    return model


def _named(traced: Traced) -> Module:
    """Return the module from tensors by name to tensors by name: what transformers' exporters take."""
    import torch

    class Named(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
        def __init__(self) -> None:
            super().__init__()
            self.traced = traced.graph  # not `graph`, which PyTorch's own modules have
            self.config = traced.config

        def forward(self, **tensors: Any) -> dict[str, Any]:
            found = self.traced(*(tensors[name] for name in map(_variable, traced.inputs)))
            return dict(zip(map(_variable, traced.outputs), found, strict=True))

    return Named().eval()


def _variable(name: str) -> str:
    """Return `name` as a name of Python: transformers' exporters write it as one."""
    return name.replace(".", "_")


def _named_tensors(traced: Traced) -> dict[str, Any]:
    return dict(zip(map(_variable, traced.inputs), traced.tensors, strict=True))


def _named_axes(traced: Traced) -> dict[str, dict[int, Any]]:
    import torch

    size = torch.export.Dim.AUTO
    return {
        _variable(name): dict.fromkeys(places, size)
        for name, places in zip(traced.inputs, traced.open_axes, strict=True)
    }


# --- comparing

_Runner = Callable[[dict[str, Array]], Sequence[Array]]


def _onnx_runner(path: Path, traced: Traced) -> _Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    used = {port.name for port in session.get_inputs()}
    _refuse_deaf(traced, used)
    return lambda feeds: session.run(
        list(traced.outputs), {name: array for name, array in feeds.items() if name in used}
    )


def _openvino_runner(model: Any, traced: Traced) -> _Runner:
    """Run the file that is kept, and not `model`: a graph that is read again may come to be another in the plugin."""
    openvino = silent_openvino()

    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})  # the file is gone before the last run
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.xml")
        openvino_program.save(model, path)
        compiled = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    # A port that nothing reads is as good as none.
    _refuse_deaf(traced, {name for port in model.inputs if port.get_target_inputs() for name in port.names})
    ports = {name for port in compiled.inputs for name in port.names}

    def run(feeds: dict[str, Array]) -> list[Array]:
        request.infer({name: array for name, array in feeds.items() if name in ports})
        return [request.get_tensor(name).data.copy() for name in traced.outputs]

    return run


def _refuse_deaf(traced: Traced, used: Set[str]) -> None:
    """Refuse a graph that has no input any more for what matters to PyTorch.

    What a model takes and does not use, as one without positions does theirs, a traced graph rightly drops. One whose
    numbers were read while tracing became a constant.

    Raises:
        BundleError: another value of an input that is not `used` changes what PyTorch gives.
    """
    import torch

    for place, name in ((place, name) for place, name in enumerate(traced.inputs) if name not in used):
        tensors = [tensor.clone() for tensor in traced.tensors]
        tensors[place] = _other(tensors[place])
        with torch.no_grad():
            usual = traced.graph(*(tensor.clone() for tensor in traced.tensors))
            try:
                found = traced.graph(*tensors)
            except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
                found = ()  # it looked at the value, and did not like it
        if len(found) != len(usual) or any(
            fault_of(one.numpy(), other.numpy()) for one, other in zip(found, usual, strict=True)
        ):
            raise BundleError(f"the graph keeps the {name} of its example")


def _other(tensor: Any) -> Any:
    """Return other numbers of the same kind: the same in other places, so that sizes stay sizes, or their like."""
    mirrored = tensor.flip(*range(tensor.dim()))
    if not bool((mirrored == tensor).all()):
        return mirrored
    return tensor + 1 if tensor.is_floating_point() else (1 - tensor).abs()


def _compare(traced: Traced, run: _Runner) -> None:
    """Compare what `run` gives with what PyTorch gives, at every size that there are inputs of.

    Raises:
        BundleError: they differ; the message says where and by how much.
    """
    for tensors, wanted in _references(traced):
        feeds = {
            name: np.ascontiguousarray(tensor.numpy())
            for name, tensor in zip(traced.inputs, tensors, strict=True)
        }
        for name, got, want in zip(traced.outputs, run(feeds), wanted, strict=True):
            if (fault := fault_of(got, want)) is not None:
                sizes = ", ".join(f"{key} {array.shape}" for key, array in list(feeds.items())[:2])
                raise BundleError(f"{name} {fault} with {sizes}")


def _references(traced: Traced) -> Iterator[tuple[tuple[Any, ...], list[Array]]]:
    import torch

    graph = traced.reference or traced.graph
    for tensors in (traced.tensors, *traced.others):
        with torch.no_grad():
            yield tensors, [each.numpy() for each in graph(*(tensor.clone() for tensor in tensors))]
