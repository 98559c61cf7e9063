"""Key-value caches on PyTorch's side: a decoder's graph with its cache laid open as tensors, for exporting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import BundleError
from ipfs_accelerate_py.skills import kept
from ipfs_accelerate_py.skills.arrays import Array, Batch, Features, Module
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.engine_eager import EagerDecoder, EagerEngine, empty_cache
from ipfs_accelerate_py.skills.engine_openvino import ROWS
from ipfs_accelerate_py.skills.head import Head
from ipfs_accelerate_py.skills.lean_openvino import silent_openvino
from ipfs_accelerate_py.skills.session import Decoder, prompts

_NEW = 3  # tokens of the traced step; 1 would be taken for a constant


def cache_of(layers: Sequence[tuple[Any, Any]]) -> Any:
    """Return a cache that holds the (keys, values) of each layer, (rows, heads, tokens, width) each.

    Made by hand: `DynamicCache([...])` concatenates onto an empty tensor of one axis, which OpenVINO cannot convert.
    """
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    cache = DynamicCache()
    for keys, values in layers:
        layer = DynamicLayer()
        layer.keys, layer.values = keys, values
        layer.dtype, layer.device, layer.is_initialized = keys.dtype, keys.device, True
        cache.layers.append(layer)
    return cache


def once(like: Any = None) -> Any:
    """Return an empty cache that is filled once: it puts nothing in front of what it is given, so it can be traced.

    With the layers of the empty cache `like`, of which those that keep a window or a state take it as it comes.
    """
    from transformers.cache_utils import Cache, DynamicLayer

    class Once(DynamicLayer):  # type: ignore[misc]  # transformers is an unchecked library
        def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
            self.keys, self.values, self.is_initialized = key_states, value_states, True
            return key_states, value_states

    if like is None:
        return Cache(layer_class_to_replicate=Once)
    return Cache(
        layers=[Once() if type(layer) is DynamicLayer else kept.begin(layer) for layer in like.layers]
    )


@dataclass
class Trace:
    """What a session fed when the head's sample inputs were begun and continued by a few tokens on eager PyTorch."""

    parts: dict[str, dict[str, Array]] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    step: dict[str, Array] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    """What the decoder gives before its cache: the logits, and what else its graph says."""
    past: dict[str, Any] = field(default_factory=dict)
    """What the layers kept before the last step, by the names of `kept.laid_open`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs of the decoder before its cache: those of a step, then those that stay the same."""
        return (*self.step, *self.constants)

    @property
    def present(self) -> tuple[str, ...]:
        """The names of what the layers keep after the step."""
        return tuple(name.replace(kept.PAST, kept.PRESENT, 1) for name in self.past)

    @property
    def tensors(self) -> tuple[Any, ...]:
        """All that the decoder takes, in order, as torch tensors."""
        import torch

        arrays = (*self.step.values(), *self.constants.values())
        return (*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays), *self.past.values())

    def open_axes(self, head: Head) -> list[tuple[int, ...]]:
        """Return, for each of `tensors`, the axes that vary; those of a constant are its rows and its tokens."""
        of_step = [_open(head.inputs[name].axes, head.inputs[name].dynamic) for name in self.step]
        of_constants = [(0, 2) if array.ndim == 4 else (0, 1) for array in self.constants.values()]
        growing = [kept.growing_axis(name) for name in self.past]
        return [*of_step, *of_constants, *((0,) if axis is None else (0, axis) for axis in growing)]


def _open(axes: Sequence[str], dynamic: Sequence[str]) -> tuple[int, ...]:
    return tuple(place for place, axis in enumerate(axes) if axis in dynamic)


class _Recording:
    """An engine that keeps what it was fed."""

    def __init__(self, engine: EagerEngine, trace: Trace) -> None:
        self._engine = engine
        self._trace = trace

    def run(self, part: str, batch: Batch) -> dict[str, Array]:
        self._trace.parts.setdefault(part, dict(batch))
        return self._engine.run(part, batch)

    @contextmanager
    def decoding(self) -> Iterator[Decoder]:
        with self._engine.decoding() as decoder:
            kept.unbounded(decoder.cache)
            yield _RecordingDecoder(decoder, self._trace)


class _RecordingDecoder:
    def __init__(self, decoder: EagerDecoder, trace: Trace) -> None:
        self._decoder = decoder
        self._trace = trace

    def hold(self, constants: Batch) -> None:
        self._trace.constants = dict(constants)
        self._decoder.hold(constants)

    def keep(self, past: Batch) -> None:
        self._decoder.keep(past)

    def step(self, batch: Batch) -> Array:
        self._trace.step = dict(batch)
        self._trace.past = {
            name: tensor.clone().contiguous() for name, tensor in kept.laid_open(self._decoder.cache).items()
        }
        logits = self._decoder.step(batch)
        self._trace.outputs = tuple(self._decoder.outputs)
        return logits

    def beside(self, name: str) -> Array:
        return self._decoder.beside(name)

    def reorder(self, rows: Array) -> None:
        self._decoder.reorder(rows)


def traces(head: Head, model: Module, checkpoint: Checkpoint) -> list[Trace]:
    """Return what the head's session feeds for its sample inputs: for all, for each alone, for those of another size.

    They are of unequal length: together, no mask is all ones, and alone, rows and lengths are others.

    Raises:
        BundleError: the head does not decode.
    """
    steps = head.steps(checkpoint)
    found: list[Trace] = []
    for inputs in (steps.sample, *((one,) for one in steps.sample), *((steps.other,) if steps.other else ())):
        rows = [row for example in steps.prepare(inputs, steps.options) for row in example.rows]
        found.append(_traced(head, model, checkpoint, rows))
    return found


def _traced(head: Head, model: Module, checkpoint: Checkpoint, rows: Sequence[Features]) -> Trace:
    if head.session is None:
        raise BundleError("this head does not decode, so it has no session to trace")
    trace = Trace()
    steps = head.steps(checkpoint)
    engine = _Recording(EagerEngine(head, model, checkpoint), trace)
    with engine.decoding() as decoder:
        session = head.session(engine, decoder)
        session.begin(prompts(rows, steps.padding, side=steps.side))
        for _ in range(
            2
        ):  # behind an encoder a prompt is one token, and a past of 1 would be taken for a constant
            session.step(np.tile(_words(model, checkpoint), (len(rows), 1)))
    return trace


def _words(model: Module, checkpoint: Checkpoint) -> Array:
    """Return ids that stand for nothing but themselves, (new,).

    The vector of what fills texts up is zero. All experts are equally good for it, and all places of an index: each
    backend may choose others, and would be said to be wrong.
    """
    taken = {getattr(each, "padding_idx", None) for each in model.modules()} | set(
        _meanings(checkpoint.config)
    )
    free = [each for each in range(_NEW + len(taken)) if each not in taken]
    return np.array(free[:_NEW], dtype=np.int64)


def _meanings(config: Mapping[str, Any]) -> Iterator[int]:
    """Yield the ids to which `config`, or a part of it, gives a meaning."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _meanings(value)
        elif name.endswith(("_token_id", "_token_index")):
            ids = value if isinstance(value, list) else [value]
            yield from (each for each in ids if isinstance(each, int))


def traceable_part(
    head: Head, name: str, model: Module, checkpoint: Checkpoint, trace: Trace
) -> tuple[Module, list[str]]:
    """Return a torch module of one of the head's parts, from its inputs in order, and the names of what it gives."""
    import torch

    part = head.parts[name]
    graph = part.graph(model, checkpoint)
    feeds = {key: torch.from_numpy(trace.parts[name][key]) for key in part.inputs}
    with torch.no_grad():
        outputs = list(graph(feeds))

    class Graph(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
        def __init__(self) -> None:
            super().__init__()
            self.model = model  # so that its weights are the module's own

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            found = graph(dict(zip(part.inputs, tensors, strict=True)))
            return tuple(found[key] for key in outputs)

    return Graph().eval(), outputs


def traceable_decoder(head: Head, model: Module, checkpoint: Checkpoint, trace: Trace) -> Module:
    """Return a torch module from `trace.tensors` to `trace.outputs` and the cache's new tensors."""
    import torch

    graph = head.graph(model, checkpoint)
    names = trace.names

    class Decoder(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
        def __init__(self) -> None:
            super().__init__()
            self.model = model  # so that its weights are the module's own

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            past = dict(zip(trace.past, tensors[len(names) :], strict=True))
            cache = kept.fill(kept.unbounded(empty_cache(model)), past)
            outputs = graph(dict(zip(names, tensors, strict=False)), cache)
            present = kept.laid_open(cache)
            return (*(outputs[name] for name in trace.outputs), *(present[name] for name in trace.past))

    return Decoder().eval()


def stateful(model: Any, trace: Trace) -> None:
    """Turn the cache of a converted OpenVINO model from inputs and outputs into its own state, empty at first.

    A new input, `beam_idx` (rows,) int32, says what each row goes on with: what which row has kept.
    """
    openvino = silent_openvino()
    import openvino.opset13 as ops
    from openvino._offline_transformations import apply_make_stateful_transformation

    first = model.inputs[0].any_name
    rows = ops.parameter(openvino.PartialShape([-1]), openvino.Type.i32, name=ROWS)
    rows.output(0).get_tensor().set_names({ROWS})
    model.add_parameters([rows])
    for name in trace.past:
        past = model.input(name)
        readers = past.get_target_inputs()
        chosen = ops.gather(past.get_node(), rows, ops.constant(np.int64(0)))
        for reader in readers:
            reader.replace_source_output(chosen.output(0))
    apply_make_stateful_transformation(model, dict(zip(trace.past, trace.present, strict=True)))
    count = ops.gather(
        ops.shape_of(model.input(first), output_type="i64"),
        ops.constant(np.array([0], dtype=np.int64)),
        ops.constant(np.int64(0)),
    )
    for operation in model.get_ops():
        if operation.get_type_name() == "ReadValue":
            # Of each row nothing is kept at first: no tokens, and states of zeros.
            sizes = [
                size.get_length() if size.is_static else 0 for size in operation.output(0).get_partial_shape()
            ]
            rest = ops.constant(np.array(sizes[1:], dtype=np.int64))
            empty = ops.broadcast(ops.constant(np.float32(0)), ops.concat([count, rest], 0))
            operation.set_arguments([empty])
    model.validate_nodes_and_infer_types()
